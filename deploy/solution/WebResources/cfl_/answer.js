// @ts-check
/* From the row of a ledger action to what the user is told. Never from an HTTP error. */
(function (root) {
  "use strict";

  const { Money, Remedy, Request } = root.Counterfoil;
  const { ended, offering, usable, withReference } = Request;

  /**
   * @typedef {string[]} Line
   * @typedef {{
   *   state: string, tone: string, title: Line, lines: Line[], focus: string, form?: boolean, again?: string, field?: string,
   *   fieldError?: Line, made?: string, link?: any
   * }} View
   *   `field` names the entry that `fieldError` is about, `made` the run that the action began, `link` what was made
   *   for a customer.
   * @typedef {{
   *   key: string, done: string, pending?: string, gateway: boolean, fields: string[], ownSentences: boolean,
   *   currency: any, money: (minor: number) => string
   * }} Asked
   *   `fields`: what is on the form; `ownSentences`: the user reads another language than the service writes.
   */

  /** Which entry a refusal is about: of its fields the first that is on the form. */
  const FIELDS = /** @type {Record<string, string[]>} */ ({
    account_already_open: ["Currency"],
    amount_above_balance: ["Amount"],
    contact_not_found: ["ContactId"],
    contact_of_another_account: ["ContactId"],
    amount_above_selected: ["Amount"],
    amount_above_unrefunded: ["Amount"],
    amount_below_minimum: ["Amount"],
    amount_invalid: ["Amount"],
    currency_missing: ["Currency"],
    currency_not_found: ["Currency"],
    currency_not_supported: ["Currency"],
    deposit_cannot_be_automatic: ["Deposit"],
    deposit_not_possible: ["Deposit"],
    invoice_has_no_balance: ["InvoiceIds"],
    invoice_missing: ["InvoiceIds"],
    invoice_of_another_account: ["InvoiceIds"],
    invoices_and_automatic: ["InvoiceIds", "Automatic"],
    no_email_address: ["ContactId"],
    no_payment_profile: ["PaymentProfileId"],
    no_payment_type: ["PaymentTypeId"],
    override_needed: ["Amount"],
    payment_type_missing: ["PaymentTypeId"],
    payment_type_not_for_profile: ["PaymentTypeId"],
    period_invalid: ["PeriodEnd", "To"],
    posting_period_closed: ["PostingDate", "Date"],
    profile_not_usable: ["PaymentProfileId"],
    profile_type_not_usable: ["Type"],
    service_missing: ["ServiceId"],
    service_not_billed: ["ServiceId"],
    service_not_found: ["ServiceId"],
    service_not_one_time: ["ServiceId"],
    tax_category_missing: ["ServiceId"],
    tax_rate_missing: ["TaxRateId"],
    too_many_invoices: ["InvoiceIds"],
    transaction_missing: ["TransactionIds"],
  });

  /** Codes of what was done, but not as it was asked for. */
  const SAID_ALWAYS = ["not_emailed"];

  const Answer = {
    /**
     * What an answer means; null while the action is still on its way.
     * @param {any} row
     * @param {Asked} asked
     * @returns {View | null}
     */
    of: function (row, asked) {
      switch (row.cfl_outcome) {
        case Request.OUTCOME.done:
          return done(row, asked);
        case Request.OUTCOME.failed:
          return failed(row, asked);
        case Request.OUTCOME.refused:
          return refused(row, asked);
        default:
          return row.cfl_code === "processing" ? pending(row, asked) : null;
      }
    },

    /** @param {any} row null when there is none @param {Asked} asked @returns {View} */
    unknown: function (row, asked) {
      const lines = [["unknownActionText"], ["reference", (row && Request.reference(row)) || asked.key]];
      return offering("check", "unknown", ["unknownActionTitle"], lines);
    },

    /** The platform itself said that this user may not, so nothing was asked of anybody. @returns {View} */
    forbidden: function () {
      return ended("forbidden", "error", ["forbiddenActionTitle"], [["forbiddenActionText"]]);
    },

    /** @returns {View} */
    offline: function () {
      return usable("offline", "warning", ["offlineTitle"], [["offlineActionText"]], "save");
    },
  };

  /** @param {any} row @param {Asked} asked @returns {View} */
  function done(row, asked) {
    const result = Request.result(row);
    const lines = sentence(row, asked);
    if (result.balance !== undefined && !result.url && asked.currency) {
      lines.push(["succeededBalance", asked.money(Money.fromWire(result.balance, asked.currency))]);
    }
    const view = ended("succeeded", "success", [asked.done], withReference(lines, row));
    return Object.assign(view, { made: result.run, link: result.url ? result : undefined });
  }

  /** @param {any} row @param {Asked} asked @returns {View} */
  function pending(row, asked) {
    const lines = sentence(row, asked).concat([["goesOnByItself"]]);
    const view = ended("pending", "info", [asked.pending || "actionPendingTitle"], withReference(lines, row));
    return Object.assign(view, { made: Request.result(row).run });
  }

  /** @param {any} row @param {Asked} asked @returns {View} */
  function failed(row, asked) {
    if (asked.gateway && (row.cfl_code === "declined" || row.cfl_code === "needs_customer")) {
      const remedy = Remedy.of(row.cfl_paymenttransactionid || {});
      const customer = row.cfl_code === "needs_customer";
      const said = asked.ownSentences ? [[customer ? "authenticationNext" : "reason" + remedy]] : sentence(row, asked);
      const title = customer ? "authenticationTitle" : "declinedDebitTitle";
      const next = customer ? [] : [["next" + remedy]];
      return usable("declined", "error", [title], withReference(said.concat(next), row), "save");
    }
    const lines = sentence(row, asked).concat([["reference", Request.reference(row) || asked.key]]);
    return usable("error", "error", ["failedActionTitle"], lines, "save");
  }

  /** @param {any} row @param {Asked} asked @returns {View} */
  function refused(row, asked) {
    const said = sentence(row, asked);
    if (row.cfl_code === "not_permitted") return ended("forbidden", "error", ["forbiddenActionTitle"], said);
    const field = fieldOf(row.cfl_code || "", asked.fields);
    if (field && said.length) {
      const view = usable("invalid", "error", [], [], field);
      return Object.assign(view, { field: field, fieldError: said[0] });
    }
    const lines = said.length ? said : [["reference", asked.key]];
    return usable("refused", "error", ["refusedActionTitle"], lines, "save");
  }

  /** @param {string} code @param {string[]} shown */
  function fieldOf(code, shown) {
    return (FIELDS[code] || []).find((name) => shown.includes(name));
  }

  /** The service's own sentence, which knows most, in the language it writes. @param {any} row @param {Asked} asked @returns {Line[]} */
  function sentence(row, asked) {
    const hidden = asked.ownSentences && row.cfl_outcome === Request.OUTCOME.done && !SAID_ALWAYS.includes(row.cfl_code);
    return row.cfl_message && !hidden ? [["", row.cfl_message]] : [];
  }

  root.Counterfoil.Answer = Answer;
})(/** @type {any} */ (window));
