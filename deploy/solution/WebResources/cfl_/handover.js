// @ts-check
/* What a command hands over to its dialog: in the address while it is short, else in the tab's own storage. */
(function (root) {
  "use strict";

  const KEPT = "cfl_handover";
  const MADE = "cfl_made";
  const MOST_IN_ADDRESS = 1500; // of the 2048 characters that a platform's address may have

  const Handover = {
    /** @param {Record<string, any>} data @returns {string} for `data` of navigateTo */
    put: function (data) {
      const text = JSON.stringify(data);
      if (encodeURIComponent(text).length <= MOST_IN_ADDRESS) return encodeURIComponent(text);
      const name = String(Date.now());
      sessionStorage.setItem(KEPT + name, text);
      return encodeURIComponent(JSON.stringify({ kept: name }));
    },

    /**
     * What was handed over: the platform gives `data` in either case, encoded once or twice.
     * @param {URLSearchParams} query of the dialog's own address
     * @returns {Record<string, any>}
     */
    take: function (query) {
      const data = objectIn(query.get("data") || query.get("Data") || "{}");
      return data.kept ? objectIn(sessionStorage.getItem(KEPT + data.kept) || "{}") : data;
    },

    /** Says in the dialog which record it made, to be opened when it is closed. @param {string} table @param {string} id */
    leave: function (table, id) {
      sessionStorage.setItem(MADE, JSON.stringify({ table: table, id: id }));
    },

    /** What the last dialog made, once. @returns {{ table: string, id: string } | null} */
    left: function () {
      const made = objectIn(sessionStorage.getItem(MADE) || "{}");
      sessionStorage.removeItem(MADE);
      return made.id ? { table: made.table, id: made.id } : null;
    },

    /** Forgets what was kept, once the dialog is closed. @param {string} data */
    forget: function (data) {
      const name = JSON.parse(decodeURIComponent(data)).kept;
      if (name) sessionStorage.removeItem(KEPT + name);
    },
  };

  /** @param {string} text @returns {Record<string, any>} */
  function objectIn(text) {
    try {
      return JSON.parse(text.charAt(0) === "{" ? text : decodeURIComponent(text));
    } catch (malformed) {
      return {};
    }
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Handover = Handover;
})(/** @type {any} */ (window));
