// @ts-check
/* From the row of a charge to what the user is told. Never from an HTTP error. */
(function (root) {
  "use strict";

  const { Money, Remedy, Request } = root.Counterfoil;
  const { ended, offering, usable, withReference } = Request;

  /**
   * @typedef {string[]} Line
   * @typedef {"close" | "again" | "charge" | "amount" | "profile"} Focus
   * @typedef {{
   *   state: string, tone: string, title: Line, lines: Line[], focus: Focus,
   *   form?: boolean, again?: "check" | "settle" | "reload" | "link", fieldError?: Line, reread?: boolean
   * }} View
   *   `reread` wants the invoice read again before it is shown.
   * @typedef {{
   *   amount: number, profile: { name: string, debit: boolean }, key: string, ownSentences: boolean,
   *   currency: { code: string, precision: number }, money: (minor: number) => string
   * }} Attempt
   *   `ownSentences`: the user reads another language than the service writes.
   */

  const STATUSES = /** @type {Record<string, string>} */ ({
    "Paid (Complete)": "succeededComplete",
    "Paid (Partial)": "succeededPartial",
    "Canceled (Canceled)": "succeededCanceled",
  });
  const NOTHING_CHARGED = ["nothingCharged"];
  const FOCUS_AFTER = /** @type {Record<string, Focus>} */ ({ InsufficientFunds: "amount", Later: "charge" });

  const Outcome = {
    /**
     * What an answer means; null while the charge is still on its way.
     * @param {any} row
     * @param {Attempt} attempt
     * @returns {View | null}
     */
    of: function (row, attempt) {
      switch (row.cfl_outcome) {
        case Request.OUTCOME.done:
          return succeeded(row, attempt);
        case Request.OUTCOME.failed:
          return failed(row, attempt);
        case Request.OUTCOME.refused:
          return refused(row, attempt);
        default:
          return row.cfl_code === "processing" ? pending(row) : null;
      }
    },

    /**
     * No answer within the time a user can be asked to wait.
     * @param {any} row null when there is none
     * @param {string} key
     * @returns {View}
     */
    unknown: function (row, key) {
      const lines = [["unknownWarning"], ["unknownText"], ["reference", (row && Request.reference(row)) || key]];
      return offering("check", "unknown", ["unknownTitle"], lines);
    },

    /** The platform itself said that this user may not charge, so nothing was asked of anybody. @returns {View} */
    forbidden: function () {
      return ended("forbidden", "error", ["forbiddenTitle"], [["forbiddenText"], NOTHING_CHARGED]);
    },

    /** @returns {View} */
    offline: function () {
      return usable("offline", "warning", ["offlineTitle"], [["offlineText"]], "charge");
    },
  };

  // --- What each outcome becomes ----------------------------------------------------------------------------

  /** @param {View} view @returns {View} */
  function rereading(view) {
    return Object.assign(view, { reread: true });
  }

  /** The customer may pay by themselves. @param {View} view @returns {View} */
  function linking(view) {
    return Object.assign(view, { again: "link" });
  }

  /** @param {any} row @param {Attempt} attempt @returns {View} */
  function succeeded(row, attempt) {
    const result = Request.result(row);
    const charged = result.amount === undefined ? attempt.amount : Money.fromWire(result.amount, attempt.currency);
    const lines = [["succeededText", attempt.money(charged), attempt.profile.name]];
    if (result.balance !== undefined) {
      lines.push(["succeededBalance", attempt.money(Money.fromWire(result.balance, attempt.currency))]);
    }
    if (result.status) {
      lines.push(STATUSES[result.status] ? [STATUSES[result.status]] : ["succeededStatus", result.status]);
    }
    return ended("succeeded", "success", ["succeededTitle"], withReference(lines, row));
  }

  /** @param {any} row @returns {View} */
  function pending(row) {
    return rereading(ended("pending", "info", ["pendingTitle"], withReference([["pendingText"]], row)));
  }

  /** @param {any} row @param {Attempt} attempt @returns {View} */
  function failed(row, attempt) {
    switch (row.cfl_code) {
      case "declined":
        return declined(row, attempt);
      case "needs_customer": {
        const lines = withReference([NOTHING_CHARGED, ["authenticationNext"]], row);
        return linking(usable("authentication", "warning", ["authenticationTitle"], lines, "again"));
      }
      default:
        return notSent(row, attempt, "");
    }
  }

  /** @param {any} row @param {Attempt} attempt @returns {View} */
  function declined(row, attempt) {
    const remedy = Remedy.of(row.cfl_paymenttransactionid || {});
    const title = attempt.profile.debit ? "declinedDebitTitle" : "declinedTitle";
    const lines = sentences(row, attempt, "reason" + remedy).concat([["next" + remedy]]);
    return linking(usable("declined", "error", [title], withReference(lines, row), FOCUS_AFTER[remedy] || "profile"));
  }

  /** @param {any} row @param {Attempt} attempt @returns {View} */
  function refused(row, attempt) {
    /** @param {string} own */
    const said = (own) => sentences(row, attempt, own);
    switch (row.cfl_code) {
      case "balance_changed":
      case "amount_above_balance":
        return rereading(offering("reload", "changed", ["changedTitle"], [["changedTextUnread"], NOTHING_CHARGED]));
      case "charge_in_progress":
        return rereading(offering("settle", "inprogress", ["inProgressTitle"], said("inProgressTextUnread")));
      case "not_chargeable":
        return rereading(ended("notchargeable", "info", ["notChargeableTitle"], said("notChargeableText")));
      case "amount_invalid":
        return amountRefused(said("refusedInvalid"));
      case "amount_below_minimum":
        return amountRefused(said("refusedMinimum"));
      case "no_payment_profile":
        return ended("noprofile", "warning", ["noProfileTitle"], said(""));
      case "profile_not_usable":
        return usable("unusable", "error", ["unusableRefusedTitle"], said("unusableRefusedText"), "profile");
      case "not_permitted":
        return ended("forbidden", "error", ["forbiddenTitle"], said("forbiddenInvoiceText"));
      case "not_received":
        return notSent(row, attempt, "notReceivedText");
      default:
        return notSent(row, attempt, "refusedConfiguration");
    }
  }

  /** @param {Line[]} said @returns {View} */
  function amountRefused(said) {
    return Object.assign(usable("invalid", "error", [], [], "amount"), { fieldError: said[0] });
  }

  /** @param {any} row @param {Attempt} attempt @param {string} own @returns {View} */
  function notSent(row, attempt, own) {
    const lines = sentences(row, attempt, own).concat([["reference", Request.reference(row) || attempt.key]]);
    return usable("error", "error", ["errorTitle"], lines, "charge");
  }

  /**
   * The service's own sentence, which knows most; our words where the user reads another language than it writes.
   * @param {any} row
   * @param {Attempt} attempt
   * @param {string} own
   * @returns {Line[]}
   */
  function sentences(row, attempt, own) {
    const theirs = row.cfl_message || "";
    const useOwn = own !== "" && (attempt.ownSentences || theirs === "");
    const lines = useOwn ? [[own]] : theirs === "" ? [] : [["", theirs]];
    return !useOwn && /nothing was charged/i.test(theirs) ? lines : lines.concat([NOTHING_CHARGED]);
  }

  root.Counterfoil.Outcome = Outcome;
})(/** @type {any} */ (window));
