// @ts-check
/* The counterfoil of a request: the only answer an action has. Where its row is read, and what can be said of any. */
(function (root) {
  "use strict";

  /**
   * A line is a key of the texts and what fills its placeholders; the key "" takes its first value verbatim.
   * @typedef {string[]} Line
   * @typedef {"info" | "success" | "warning" | "error"} Tone
   * @typedef {{ state: string, tone: Tone, title: Line, lines: Line[], focus: string, form?: boolean, again?: string }} View
   *   `form` leaves the form usable, `again` offers a next step, `focus` names what gets the focus.
   */

  const CHOICE = 728310000;
  const FORMATTED = "@OData.Community.Display.V1.FormattedValue";

  const Request = {
    OUTCOME: { done: CHOICE, refused: CHOICE + 1, pending: CHOICE + 2, failed: CHOICE + 3 },

    /** Where the row of an attempt is read, with what the payment transaction says of a decline. @param {string} key */
    path: function (key) {
      return (
        "cfl_requests(cfl_key='" + key + "')" +
        "?$select=cfl_outcome,cfl_code,cfl_message,cfl_result,_cfl_paymenttransactionid_value" +
        "&$expand=cfl_paymenttransactionid($select=cfl_name,cfl_resultcode,cfl_declinecode,cfl_advicecode)"
      );
    },

    /** What an action says it made; nothing where that cannot be read. @param {any} row @returns {Record<string, any>} */
    result: function (row) {
      try {
        return JSON.parse(row.cfl_result || "{}") || {};
      } catch (notJson) {
        return {};
      }
    },

    /** The number people quote, PT-000123. @param {any} row @returns {string} */
    reference: function (row) {
      const transaction = row.cfl_paymenttransactionid;
      return (transaction && transaction.cfl_name) || row["_cfl_paymenttransactionid_value" + FORMATTED] || "";
    },

    /** @param {Line[]} lines @param {any} row @returns {Line[]} */
    withReference: function (lines, row) {
      const reference = Request.reference(row);
      return reference === "" ? lines : lines.concat([["reference", reference]]);
    },

    // --- Three kinds of views: the end, the form again, a next step -----------------------------------------

    /** @param {string} state @param {Tone} tone @param {Line} title @param {Line[]} lines @returns {View} */
    ended: function (state, tone, title, lines) {
      return { state: state, tone: tone, title: title, lines: lines, focus: "close" };
    },

    /**
     * @param {string} state
     * @param {Tone} tone
     * @param {Line} title
     * @param {Line[]} lines
     * @param {string} focus
     * @returns {View}
     */
    usable: function (state, tone, title, lines, focus) {
      return { state: state, tone: tone, title: title, lines: lines, focus: focus, form: true };
    },

    /** @param {string} again @param {string} state @param {Line} title @param {Line[]} lines @returns {View} */
    offering: function (again, state, title, lines) {
      return { state: state, tone: "warning", title: title, lines: lines, focus: "again", again: again };
    },
  };

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Request = Request;
})(/** @type {any} */ (window));
