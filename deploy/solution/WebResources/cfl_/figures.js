// @ts-check
/* What an invoice owes, what of it can be charged now, and with which profiles: read with the user's own rights. */
(function (root) {
  "use strict";

  /**
   * @typedef {{ code: string, precision: number, symbol: string }} Currency
   * @typedef {"" | "reasonPending" | "reasonDeactivated" | "reasonExpired" | "reasonFailed" | "reasonCurrency"} Unusable
   * @typedef {{
   *   id: string, name: string, expiry: string, debit: boolean, unusable: Unusable, expiresThisMonth: boolean
   * }} Profile
   * @typedef {{ amount: number, by: string, key: string }} Awaited
   * @typedef {{
   *   number: string, customer: string, customerId: string, currency: Currency, chargeable: boolean, ofAccount: boolean,
   *   total: number, charged: number, otherPayments: number, credits: number, balance: number,
   *   inProgress: number, room: number, awaited: Awaited | null, linked: boolean,
   *   contract: { name: string } | null, contractProfileId: string, profiles: Profile[]
   * }} Figures
   */

  const FORMATTED = "@OData.Community.Display.V1.FormattedValue";
  const TABLE = "@Microsoft.Dynamics.CRM.lookuplogicalname";
  const CHOICE = 728310000;
  const TYPE = { achDebit: CHOICE + 1, sepaDebit: CHOICE + 2 };
  const STAGE_PROCESSING = CHOICE + 1;
  const STATUS = { pending: 1, ready: CHOICE, expired: CHOICE + 1, failed: CHOICE + 2 };
  const INVOICE = { closed: 1, canceled: 3, complete: 100001 };
  const DEBIT_CURRENCY = /** @type {Record<number, string>} */ ({ [TYPE.achDebit]: "USD", [TYPE.sepaDebit]: "EUR" });

  const Figures = {
    /**
     * @param {string} invoiceId
     * @param {Date} today
     * @returns {Promise<{ figures?: Figures, refusal?: { status: number, message: string } }>} one of the two
     */
    read: async function (invoiceId, today) {
      const api = root.Counterfoil.WebApi;
      const [invoice, pending] = await Promise.all([
        api.read(invoicePath(invoiceId)),
        api.read(pendingPath(invoiceId)),
      ]);
      const refused = [invoice, pending].find((answer) => answer.status !== 200);
      if (refused) return { refusal: refused };
      const profiles = await api.read(profilesPath(invoice.body._customerid_value));
      if (profiles.status !== 200) return { refusal: profiles };
      return { figures: Figures.of(invoice.body, pending.body.value, profiles.body.value, today) };
    },

    /**
     * The pure part. An invoice the ledger has not touched yet has no balance of its own: it owes its total.
     * @param {any} invoice
     * @param {any[]} pending
     * @param {any[]} profiles
     * @param {Date} today
     * @returns {Figures}
     */
    of: function (invoice, pending, profiles, today) {
      const currency = currencyOf(invoice);
      /** @param {any} value */
      const money = (value) => root.Counterfoil.Money.fromWire(value, currency);
      const untouched = invoice.cfl_balance === null || invoice.cfl_balance === undefined;
      const chargeable = invoice.statecode !== INVOICE.closed && invoice.statecode !== INVOICE.canceled;
      const owes = chargeable && invoice.statuscode !== INVOICE.complete;
      const balance = owes ? money(untouched ? invoice.totalamount : invoice.cfl_balance) : 0;
      const inProgress = pending.reduce((sum, row) => sum + money(row.cfl_amount), 0);
      const waiting = pending.filter((row) => row.cfl_stage !== STAGE_PROCESSING);
      const awaited = waiting.find((row) => !row.cfl_linkexpireson);
      const contract =
        invoice.cfl_billingcontractid && invoice.cfl_billingcontractid.statecode === 0
          ? invoice.cfl_billingcontractid
          : null;
      const contractProfileId = (contract && contract._cfl_paymentprofileid_value) || "";
      return {
        number: invoice.invoicenumber || invoice.name || "",
        customer: invoice["_customerid_value" + FORMATTED] || "",
        customerId: invoice._customerid_value || "",
        currency: currency,
        chargeable: chargeable,
        ofAccount: invoice["_customerid_value" + TABLE] !== "contact",
        total: money(
          invoice.cfl_total === null || invoice.cfl_total === undefined ? invoice.totalamount : invoice.cfl_total,
        ),
        charged: money(invoice.cfl_amountcharged),
        otherPayments: money(invoice.cfl_otherpayments),
        credits: money(invoice.cfl_creditsdisbursed),
        balance: balance,
        inProgress: inProgress,
        room: balance - inProgress,
        awaited: awaited ? awaitedOf(awaited, money(awaited.cfl_amount)) : null,
        linked: waiting.some((row) => row.cfl_linkexpireson),
        contract: contract ? { name: contract.cfl_name || "" } : null,
        contractProfileId: contractProfileId,
        profiles: profiles.map((row) => profileOf(row, currency, today)).sort(contractsFirst(contractProfileId)),
      };
    },
  };

  /** @param {string} id */
  function invoicePath(id) {
    return (
      "invoices(" +
      id +
      ")?$select=invoicenumber,name,totalamount,cfl_total,cfl_balance,cfl_amountcharged,cfl_otherpayments," +
      "cfl_creditsdisbursed,statecode,statuscode,_customerid_value" +
      "&$expand=transactioncurrencyid($select=isocurrencycode,currencysymbol,currencyprecision)," +
      "cfl_billingcontractid($select=cfl_name,statecode,_cfl_paymentprofileid_value)"
    );
  }

  /** Charges of this invoice whose end is not known: they take room (A25). @param {string} id */
  function pendingPath(id) {
    return (
      "cfl_paymenttransactions?$select=cfl_name,cfl_amount,cfl_linkexpireson,cfl_stage" +
      "&$filter=_cfl_invoiceid_value eq " +
      id +
      " and statecode eq 0 and statuscode eq " +
      STATUS.pending +
      " and cfl_operation eq " +
      CHOICE +
      "&$expand=cfl_requestid($select=cfl_key,_cfl_requestedbyid_value)"
    );
  }

  /** @param {string} customerId */
  function profilesPath(customerId) {
    return (
      "cfl_paymentprofiles?$select=cfl_name,cfl_type,cfl_expiry,statecode,statuscode" +
      "&$filter=_cfl_accountid_value eq " +
      customerId +
      "&$orderby=cfl_name"
    );
  }

  /** @param {any} invoice @returns {Currency} */
  function currencyOf(invoice) {
    const row = invoice.transactioncurrencyid;
    return { code: row.isocurrencycode, precision: row.currencyprecision, symbol: row.currencysymbol || "" };
  }

  /** @param {any} row @param {number} amount @returns {Awaited} */
  function awaitedOf(row, amount) {
    const request = row.cfl_requestid || {};
    return { amount: amount, by: request["_cfl_requestedbyid_value" + FORMATTED] || "", key: request.cfl_key || "" };
  }

  /** @param {any} row @param {Currency} currency @param {Date} today @returns {Profile} */
  function profileOf(row, currency, today) {
    const months = monthsLeft(row.cfl_expiry, today);
    return {
      id: row.cfl_paymentprofileid,
      name: row.cfl_name || "",
      expiry: row.cfl_expiry || "",
      debit: row.cfl_type === TYPE.achDebit || row.cfl_type === TYPE.sepaDebit,
      unusable: whyUnusable(row, currency, months),
      expiresThisMonth: months === 0,
    };
  }

  /** @param {any} row @param {Currency} currency @param {number | null} months @returns {Unusable} */
  function whyUnusable(row, currency, months) {
    if (row.statuscode === STATUS.expired || (months !== null && months < 0)) return "reasonExpired";
    if (row.statuscode === STATUS.failed) return "reasonFailed";
    if (row.statecode !== 0) return "reasonDeactivated";
    if (row.statuscode !== STATUS.ready) return "reasonPending";
    const only = DEBIT_CURRENCY[row.cfl_type];
    return only && only !== currency.code ? "reasonCurrency" : "";
  }

  /**
   * Whole months until a card expires: 0 in its last month, negative after it.
   * @param {string | null} expiry
   * @param {Date} today
   */
  function monthsLeft(expiry, today) {
    const match = /^(\d{1,2})\/(\d{2}|\d{4})$/.exec(expiry || "");
    if (!match) return null;
    const year = match[2].length === 2 ? 2000 + Number(match[2]) : Number(match[2]);
    return (year - today.getFullYear()) * 12 + Number(match[1]) - (today.getMonth() + 1);
  }

  /** @param {string} id @returns {(a: Profile, b: Profile) => number} */
  function contractsFirst(id) {
    /** @param {Profile} profile */
    const rank = (profile) => (profile.id === id ? 0 : profile.unusable === "" ? 1 : 2);
    return (a, b) => rank(a) - rank(b);
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Figures = Figures;
})(/** @type {any} */ (window));
