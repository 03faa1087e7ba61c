// @ts-check
/* From the request row, which is the only answer a charge has, to what the user is told. Never from an HTTP error. */
(function (root) {
  "use strict";

  /**
   * A line is a key of the texts and what fills its placeholders; the key "" takes its first value verbatim.
   * @typedef {string[]} Line
   * @typedef {"info" | "success" | "warning" | "error"} Tone
   * @typedef {"close" | "again" | "charge" | "amount" | "profile"} Focus
   * @typedef {{
   *   state: string, tone: Tone, title: Line, lines: Line[], focus: Focus,
   *   form?: boolean, again?: "check" | "settle" | "reload", fieldError?: Line, reread?: boolean
   * }} View
   *   `form` leaves the form usable, `again` offers a next step, `reread` wants the invoice read again before it is shown.
   * @typedef {{
   *   amount: number, profile: { name: string, debit: boolean }, key: string, ownSentences: boolean,
   *   currency: { code: string, precision: number }, money: (minor: number) => string
   * }} Attempt
   *   `ownSentences`: the user reads another language than the service writes.
   */

  const CHOICE = 728310000;
  const OUTCOME = { done: CHOICE, refused: CHOICE + 1, pending: CHOICE + 2, failed: CHOICE + 3 };
  const FORMATTED = "@OData.Community.Display.V1.FormattedValue";
  const STATUSES = /** @type {Record<string, string>} */ ({
    "Paid (Complete)": "succeededComplete",
    "Paid (Partial)": "succeededPartial",
    "Canceled (Canceled)": "succeededCanceled",
  });
  const NOTHING_CHARGED = ["nothingCharged"];

  const Outcome = {
    /** Where the row of an attempt is read, with what the transaction says of a decline. @param {string} key */
    path: function (key) {
      return (
        "cfl_requests(cfl_key='" + key + "')" +
        "?$select=cfl_outcome,cfl_code,cfl_message,cfl_result,_cfl_paymenttransactionid_value" +
        "&$expand=cfl_paymenttransactionid($select=cfl_name,cfl_resultcode,cfl_declinecode,cfl_advicecode)"
      );
    },

    /**
     * What an answer means; null while the charge is still on its way.
     * @param {any} row
     * @param {Attempt} attempt
     * @returns {View | null}
     */
    of: function (row, attempt) {
      switch (row.cfl_outcome) {
        case OUTCOME.done:
          return succeeded(row, attempt);
        case OUTCOME.failed:
          return failed(row, attempt);
        case OUTCOME.refused:
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
      const lines = [["unknownWarning"], ["unknownText"], ["reference", (row && referenceOf(row)) || key]];
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

  // --- Three kinds of views: the end, the form again, a next step -------------------------------------------

  /** @param {string} state @param {Tone} tone @param {Line} title @param {Line[]} lines @returns {View} */
  function ended(state, tone, title, lines) {
    return { state: state, tone: tone, title: title, lines: lines, focus: "close" };
  }

  /**
   * @param {string} state
   * @param {Tone} tone
   * @param {Line} title
   * @param {Line[]} lines
   * @param {Focus} focus
   * @returns {View}
   */
  function usable(state, tone, title, lines, focus) {
    return { state: state, tone: tone, title: title, lines: lines, focus: focus, form: true };
  }

  /** @param {View["again"]} again @param {string} state @param {Line} title @param {Line[]} lines @returns {View} */
  function offering(again, state, title, lines) {
    return { state: state, tone: "warning", title: title, lines: lines, focus: "again", again: again };
  }

  /** @param {View} view @returns {View} */
  function rereading(view) {
    return Object.assign(view, { reread: true });
  }

  // --- What each outcome becomes ----------------------------------------------------------------------------

  /** @param {any} row @param {Attempt} attempt @returns {View} */
  function succeeded(row, attempt) {
    const result = resultOf(row);
    const money = root.Counterfoil.Money;
    const charged = result.amount === undefined ? attempt.amount : money.fromWire(result.amount, attempt.currency);
    const lines = [["succeededText", attempt.money(charged), attempt.profile.name]];
    if (result.balance !== undefined) {
      lines.push(["succeededBalance", attempt.money(money.fromWire(result.balance, attempt.currency))]);
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
        return usable("authentication", "warning", ["authenticationTitle"], lines, "profile");
      }
      default:
        return notSent(row, attempt, "");
    }
  }

  /** @param {any} row @param {Attempt} attempt @returns {View} */
  function declined(row, attempt) {
    const remedy = remedyOf(row.cfl_paymenttransactionid || {});
    const title = attempt.profile.debit ? "declinedDebitTitle" : "declinedTitle";
    const lines = sentences(row, attempt, "reason" + remedy).concat([["next" + remedy]]);
    return usable("declined", "error", [title], withReference(lines, row), FOCUS_AFTER[remedy] || "profile");
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
    const lines = sentences(row, attempt, own).concat([["reference", referenceOf(row) || attempt.key]]);
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

  /** @param {Line[]} lines @param {any} row @returns {Line[]} */
  function withReference(lines, row) {
    const reference = referenceOf(row);
    return reference === "" ? lines : lines.concat([["reference", reference]]);
  }

  /** The number people quote, PT-000123. @param {any} row @returns {string} */
  function referenceOf(row) {
    const transaction = row.cfl_paymenttransactionid;
    return (transaction && transaction.cfl_name) || row["_cfl_paymenttransactionid_value" + FORMATTED] || "";
  }

  /** @param {any} row @returns {Record<string, any>} */
  function resultOf(row) {
    try {
      return JSON.parse(row.cfl_result || "{}");
    } catch (notJson) {
      return {};
    }
  }

  const REMEDIES = /** @type {Record<string, string[]>} */ ({
    InsufficientFunds: [
      "insufficient_funds",
      "card_velocity_exceeded",
      "withdrawal_count_limit_exceeded",
      "charge_exceeds_source_limit",
    ],
    UpdateCard: [
      "expired_card",
      "incorrect_number",
      "invalid_number",
      "incorrect_cvc",
      "invalid_cvc",
      "incorrect_zip",
      "incorrect_address",
      "invalid_expiry_month",
      "invalid_expiry_year",
      "new_account_information_available",
    ],
    Later: ["processing_error", "try_again_later", "issuer_not_available", "reenter_transaction"],
    OtherProfile: [
      "lost_card",
      "stolen_card",
      "fraudulent",
      "merchant_blacklist",
      "highest_risk_level",
      "pickup_card",
      "restricted_card",
      "security_violation",
      "stop_payment_order",
      "revocation_of_authorization",
      "revocation_of_all_authorizations",
      "account_closed",
      "no_account",
      "bank_account_restricted",
      "bank_account_unusable",
      "card_not_supported",
      "currency_not_supported",
    ],
  });
  const FOCUS_AFTER = /** @type {Record<string, Focus>} */ ({ InsufficientFunds: "amount", Later: "charge" });
  const ADVICE = /** @type {Record<string, string>} */ ({
    do_not_try_again: "OtherProfile",
    try_again_later: "Later",
    confirm_card_data: "UpdateCard",
  });

  /**
   * What makes sense after a decline; a shortage of funds keeps its own advice, else the bank's outranks ours.
   * @param {any} transaction
   */
  function remedyOf(transaction) {
    const codes = [transaction.cfl_declinecode, transaction.cfl_resultcode];
    const known = Object.keys(REMEDIES).find((remedy) => REMEDIES[remedy].some((code) => codes.includes(code)));
    return known === "InsufficientFunds" ? known : ADVICE[transaction.cfl_advicecode] || known || "CallBank";
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Outcome = Outcome;
})(/** @type {any} */ (window));
