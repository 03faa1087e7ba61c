// @ts-check
/* From the request row, which is the only answer a charge has, to what the user is told. Never from an HTTP error. */
(function (root) {
  "use strict";

  /**
   * A line is a key of the texts and what fills its placeholders; the key "" takes its first value verbatim.
   * @typedef {string[]} Line
   * @typedef {{
   *   state: string, tone: "info" | "success" | "warning" | "error", title: Line, lines: Line[],
   *   form?: boolean, again?: "check" | "settle" | "reload" | "retry", focus: "close" | "again" | "charge" | "amount" | "profile",
   *   final?: boolean, fieldError?: Line, reread?: boolean
   * }} View
   *   `form` leaves the form usable; `final` ends the intent, so that the next attempt takes a new key;
   *   `reread` wants the invoice read again before it is shown.
   * @typedef {{
   *   amount: number, profile: { name: string, debit: boolean }, key: string, ownSentences: boolean,
   *   currency: { code: string, precision: number }, money: (minor: number) => string
   * }} Attempt
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
        "cfl_requests(cfl_key='" + key + "')?$select=cfl_outcome,cfl_code,cfl_message,cfl_result,_cfl_paymenttransactionid_value" +
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

    /** No answer within the time a user can be asked to wait. @param {any} row null when there is none @param {string} key @returns {View} */
    unknown: function (row, key) {
      return {
        state: "unknown",
        tone: "warning",
        title: ["unknownTitle"],
        lines: [["unknownWarning"], ["unknownText"], ["reference", (row && referenceOf(row)) || key]],
        again: "check",
        focus: "again",
      };
    },

    /** The platform itself said that this user may not charge, so nothing was asked of anybody. @returns {View} */
    forbidden: function () {
      return final("forbidden", "error", ["forbiddenTitle"], [["forbiddenText"], NOTHING_CHARGED]);
    },

    /** @returns {View} */
    offline: function () {
      return { state: "offline", tone: "warning", title: ["offlineTitle"], lines: [["offlineText"]], form: true, focus: "charge" };
    },
  };

  /** @param {any} row @param {Attempt} attempt @returns {View} */
  function succeeded(row, attempt) {
    const result = resultOf(row);
    const money = root.Counterfoil.Money;
    const charged = result.amount === undefined ? attempt.amount : money.fromWire(result.amount, attempt.currency);
    const lines = [
      ["succeededText", attempt.money(charged), attempt.profile.name],
      ["succeededBalance", attempt.money(money.fromWire(result.balance, attempt.currency))],
    ];
    if (result.status) lines.push(STATUSES[result.status] ? [STATUSES[result.status]] : ["succeededStatus", result.status]);
    return final("succeeded", "success", ["succeededTitle"], withReference(lines, row));
  }

  /** @param {any} row @returns {View} */
  function pending(row) {
    return Object.assign(final("pending", "info", ["pendingTitle"], withReference([["pendingText"]], row)), { reread: true });
  }

  /** @param {any} row @param {Attempt} attempt @returns {View} */
  function failed(row, attempt) {
    const transaction = row.cfl_paymenttransactionid || {};
    const remedy = remedyOf(transaction);
    switch (row.cfl_code) {
      case "declined":
        return {
          state: "declined",
          tone: "error",
          title: [attempt.profile.debit ? "declinedDebitTitle" : "declinedTitle"],
          lines: withReference(sentences(row, attempt, "reason" + remedy).concat([["next" + remedy]]), row),
          form: true,
          focus: remedy === "InsufficientFunds" ? "amount" : remedy === "Later" ? "charge" : "profile",
          final: true,
        };
      case "needs_customer":
        return {
          state: "authentication",
          tone: "warning",
          title: ["authenticationTitle"],
          lines: withReference([NOTHING_CHARGED, ["authenticationNext"]], row),
          form: true,
          focus: "profile",
          final: true,
        };
      default:
        return notSent(row, attempt, "");
    }
  }

  /** @param {any} row @param {Attempt} attempt @returns {View} */
  function refused(row, attempt) {
    switch (row.cfl_code) {
      case "balance_changed":
      case "amount_above_balance":
        return { state: "changed", tone: "warning", title: ["changedTitle"], lines: [["changedTextUnread"], NOTHING_CHARGED], again: "reload", focus: "again", final: true, reread: true };
      case "charge_in_progress":
        return { state: "inprogress", tone: "warning", title: ["inProgressTitle"], lines: sentences(row, attempt, "inProgressTextUnread"), again: "settle", focus: "again", final: true, reread: true };
      case "not_chargeable":
        return Object.assign(final("notchargeable", "info", ["notChargeableTitle"], sentences(row, attempt, "notChargeableText")), { reread: true });
      case "amount_invalid":
        return amountRefused(row, attempt, "refusedInvalid");
      case "amount_below_minimum":
        return amountRefused(row, attempt, "refusedMinimum");
      case "no_payment_profile":
        return final("noprofile", "warning", ["noProfileTitle"], sentences(row, attempt, ""));
      case "profile_not_usable":
        return { state: "unusable", tone: "error", title: ["unusableRefusedTitle"], lines: sentences(row, attempt, "unusableRefusedText"), form: true, focus: "profile", final: true };
      case "not_permitted":
        return final("forbidden", "error", ["forbiddenTitle"], sentences(row, attempt, "forbiddenInvoiceText"));
      case "not_received":
        return notSent(row, attempt, "notReceivedText");
      default:
        return notSent(row, attempt, "refusedConfiguration");
    }
  }

  /** @param {any} row @param {Attempt} attempt @param {string} own @returns {View} */
  function amountRefused(row, attempt, own) {
    return { state: "invalid", tone: "error", title: [], lines: [], fieldError: sentences(row, attempt, own)[0], form: true, focus: "amount", final: true };
  }

  /** @param {any} row @param {Attempt} attempt @param {string} own @returns {View} */
  function notSent(row, attempt, own) {
    return {
      state: "error",
      tone: "error",
      title: ["errorTitle"],
      lines: sentences(row, attempt, own).concat([["reference", referenceOf(row) || attempt.key]]),
      form: true,
      focus: "charge",
      final: true,
    };
  }

  /** @param {string} state @param {View["tone"]} tone @param {Line} title @param {Line[]} lines @returns {View} */
  function final(state, tone, title, lines) {
    return { state: state, tone: tone, title: title, lines: lines, focus: "close", final: true };
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
    InsufficientFunds: ["insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded", "charge_exceeds_source_limit"],
    UpdateCard: [
      "expired_card", "incorrect_number", "invalid_number", "incorrect_cvc", "invalid_cvc", "incorrect_zip", "incorrect_address",
      "invalid_expiry_month", "invalid_expiry_year", "new_account_information_available",
    ],
    Later: ["processing_error", "try_again_later", "issuer_not_available", "reenter_transaction"],
    OtherProfile: [
      "lost_card", "stolen_card", "fraudulent", "merchant_blacklist", "highest_risk_level", "pickup_card", "restricted_card",
      "security_violation", "stop_payment_order", "revocation_of_authorization", "revocation_of_all_authorizations", "account_closed",
      "no_account", "bank_account_restricted", "bank_account_unusable", "card_not_supported", "currency_not_supported",
    ],
  });
  const ADVICE = /** @type {Record<string, string>} */ ({ do_not_try_again: "OtherProfile", try_again_later: "Later", confirm_card_data: "UpdateCard" });

  /** What makes sense after a decline; a shortage of funds keeps its own advice, else the bank's outranks ours. @param {any} transaction */
  function remedyOf(transaction) {
    const codes = [transaction.cfl_declinecode, transaction.cfl_resultcode];
    const known = Object.keys(REMEDIES).find((remedy) => REMEDIES[remedy].some((code) => codes.includes(code)));
    return known === "InsufficientFunds" ? known : ADVICE[transaction.cfl_advicecode] || known || "CallBank";
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Outcome = Outcome;
})(/** @type {any} */ (window));
