// @ts-check
/* The rows that a field offers: read with the user's own rights, one list for each kind. */
(function (root) {
  "use strict";

  const { Money, WebApi } = root.Counterfoil;

  /**
   * `id` and `label` are of a row; `amount` in minor units, `details` beside it. `parameter` names the call's parameter
   * where a list holds rows of two tables.
   * @typedef {{ id: string, label: string, amount?: number, details?: string, row: any, parameter?: string }} Offer
   */

  const CHOICE = 728310000;
  const FORMATTED = "@OData.Community.Display.V1.FormattedValue";
  const FREQUENCY_ONCE = CHOICE;
  const PROFILE_READY = CHOICE;
  const KIND_DEBIT = CHOICE;
  const INVOICE_CANCELED = 3;
  const MOST_SUGGESTIONS = 20;

  const Sources = {
    currencies: function () {
      return offers(
        "transactioncurrencies?$select=isocurrencycode,currencyname,currencyprecision&$filter=statecode eq 0&$orderby=isocurrencycode",
        (row) => ({ id: row.isocurrencycode, label: row.isocurrencycode + " " + row.currencyname, row: row }),
      );
    },

    paymentTypes: function () {
      return offers(
        "cfl_paymenttypes?$select=cfl_name,cfl_backend,cfl_automatic&$filter=statecode eq 0&$orderby=cfl_number",
        (row) => ({ id: row.cfl_paymenttypeid, label: row.cfl_name, row: row }),
      );
    },

    /** What can be charged now, the customer's default first (W10). @param {any} s */
    profiles: async function (s) {
      const found = await offers(
        "cfl_paymentprofiles?$select=cfl_name,cfl_expiry,cfl_isdefault&$filter=_cfl_accountid_value eq " +
          s.ledger.accountId +
          " and statecode eq 0 and statuscode eq " +
          PROFILE_READY +
          "&$orderby=cfl_name",
        (row) => ({ id: row.cfl_paymentprofileid, label: row.cfl_name, details: row.cfl_expiry || "", row: row }),
      );
      return found.sort((a, b) => Number(b.row.cfl_isdefault === true) - Number(a.row.cfl_isdefault === true));
    },

    /** The account's own, one in each currency. @param {any} s */
    billingAccounts: function (s) {
      return offers(
        "cfl_billingaccounts?$select=cfl_name&$filter=_cfl_accountid_value eq " + s.ids[0] + "&$orderby=cfl_name",
        (row) => ({ id: row.cfl_billingaccountid, label: row.cfl_name, row: row }),
      );
    },

    /** The account's people who can be written to. @param {any} s */
    contacts: function (s) {
      return offers(
        "contacts?$select=fullname,emailaddress1&$filter=_parentcustomerid_value eq " +
          (s.ledger.accountId || s.ids[0]) +
          " and emailaddress1 ne null and statecode eq 0&$orderby=fullname",
        (row) => ({ id: row.contactid, label: row.fullname + " (" + row.emailaddress1 + ")", row: row }),
      );
    },

    billingGroups: function () {
      return offers("cfl_billinggroups?$select=cfl_name&$filter=statecode eq 0&$orderby=cfl_name", (row) => ({
        id: row.cfl_billinggroupid,
        label: row.cfl_name,
        row: row,
      }));
    },

    taxCodes: function () {
      return offers("cfl_taxcodes?$select=cfl_name,cfl_code&$filter=statecode eq 0&$orderby=cfl_name", (row) => ({
        id: row.cfl_taxcodeid,
        label: row.cfl_name,
        row: row,
      }));
    },

    taxRates: function () {
      return offers(
        "cfl_taxrates?$select=cfl_name,cfl_rate,_cfl_taxcodeid_value&$filter=statecode eq 0&$orderby=cfl_name",
        (row) => ({ id: row.cfl_taxrateid, label: row.cfl_name, row: row }),
      );
    },

    /**
     * Invoices that owe (E83, E160), the oldest first. One that the ledger has not touched owes its total.
     * @param {any} s
     */
    openInvoices: async function (s) {
      const found = await offers(
        "invoices?$select=invoicenumber,name,totalamount,cfl_balance,createdon&$filter=_customerid_value eq " +
          s.ledger.accountId +
          " and _transactioncurrencyid_value eq " +
          s.ledger.currencyId +
          " and statecode ne " +
          INVOICE_CANCELED +
          " and (cfl_balance gt 0 or cfl_balance eq null)&$orderby=createdon,invoicenumber",
        (row) => ({
          id: row.invoiceid,
          label: row.invoicenumber || row.name,
          details: row["createdon" + FORMATTED] || "",
          amount: Money.fromWire(untouched(row) ? row.totalamount : row.cfl_balance, s.currency),
          row: row,
        }),
      );
      return found.filter((one) => Number(one.amount) > 0);
    },

    /** Payments that came through the gateway and are not given back whole (E173, E174). @param {any} s */
    gatewayPayments: async function (s) {
      const found = await offers(
        "cfl_payments?$select=cfl_name,cfl_number,cfl_amount,cfl_refunded,cfl_date,cfl_detail" +
          "&$filter=_cfl_billingaccountid_value eq " +
          s.ledger.id +
          " and cfl_amount gt 0 and cfl_paymenttransactionid ne null&$orderby=cfl_number desc",
        (row) => ({
          id: row.cfl_paymentid,
          label: "#" + row.cfl_number,
          details: [row["cfl_date" + FORMATTED], row.cfl_detail].filter(Boolean).join(" · "),
          amount: Money.fromWire(row.cfl_amount, s.currency) - Money.fromWire(row.cfl_refunded, s.currency),
          row: row,
        }),
      );
      return found.filter((one) => Number(one.amount) > 0);
    },

    /** Debits of which something is left to refund (E176, A33). @param {any} s */
    refundableDebits: async function (s) {
      const found = await offers(
        "cfl_accounttransactions?$select=cfl_name,cfl_number,cfl_gross,cfl_refunded,cfl_date,cfl_detail" +
          "&$expand=cfl_invoiceid($select=invoicenumber,name)&$filter=_cfl_billingaccountid_value eq " +
          s.ledger.id +
          " and cfl_kind eq " +
          KIND_DEBIT +
          " and cfl_gross gt 0&$orderby=cfl_number desc",
        (row) => ({
          id: row.cfl_accounttransactionid,
          label: "#" + row.cfl_number + (row.cfl_detail ? " " + row.cfl_detail : ""),
          details: [row["cfl_date" + FORMATTED], row.cfl_invoiceid && row.cfl_invoiceid.invoicenumber]
            .filter(Boolean)
            .join(" · "),
          amount: Money.fromWire(row.cfl_gross, s.currency) - Money.fromWire(row.cfl_refunded, s.currency),
          row: row,
        }),
      );
      return found.filter((one) => Number(one.amount) > 0);
    },

    /**
     * Services billed once (E75), and the account's own that have billed, suffixed "(#12345)" (E76).
     * @param {string} text what the name holds
     * @param {any} s
     */
    services: async function (text, s) {
      const own =
        "cfl_accountservices?$select=cfl_name,cfl_serial,_cfl_serviceid_value&$filter=_cfl_billingaccountid_value eq " +
        s.ledger.id +
        " and cfl_billedon ne null" +
        holding(text, "cfl_serviceid/name") +
        "&$orderby=cfl_serial&$top=" +
        MOST_SUGGESTIONS;
      const found = await Promise.all([
        Sources.onceServices(text),
        offers(own, (row) => ({
          id: row.cfl_accountserviceid,
          label: (row["_cfl_serviceid_value" + FORMATTED] || row.cfl_name) + " (#" + row.cfl_serial + ")",
          row: row,
          parameter: "AccountServiceId",
        })),
      ]);
      return found[0].concat(found[1]);
    },

    /** Any service: usage is credited to the one of its class (E93, E100). @param {string} text */
    anyServices: function (text) {
      return offers(
        "products?$select=name&$filter=statecode eq 0" + holding(text, "name") + "&$orderby=name&$top=" + MOST_SUGGESTIONS,
        serviceOffer,
      );
    },

    /** A product that nobody gave a frequency is taken for one that is billed once. @param {string} text */
    onceServices: function (text) {
      return offers(
        "products?$select=name&$filter=statecode eq 0 and (cfl_frequency eq " +
          FREQUENCY_ONCE +
          " or cfl_frequency eq null)" +
          holding(text, "name") +
          "&$orderby=name&$top=" +
          MOST_SUGGESTIONS,
        serviceOffer,
      );
    },
  };

  /** @param {any} row @returns {Offer} */
  function serviceOffer(row) {
    return { id: row.productid, label: row.name, row: row, parameter: "ServiceId" };
  }

  /** What stops the page: the answer that a list could not be read with. @param {any} answer */
  function Unreadable(answer) {
    this.answer = answer;
  }

  /**
   * @param {string} path
   * @param {(row: any) => Offer} offer
   * @returns {Promise<Offer[]>}
   */
  async function offers(path, offer) {
    const answer = await WebApi.read(path);
    if (answer.status !== 200) throw new Unreadable(answer);
    return answer.body.value.map(offer);
  }

  /** @param {any} row */
  function untouched(row) {
    return row.cfl_balance === null || row.cfl_balance === undefined;
  }

  /** @param {string} text @param {string} column */
  function holding(text, column) {
    const wanted = encodeURIComponent(text.trim().replace(/'/g, "''"));
    return wanted === "" ? "" : " and contains(" + column + ",'" + wanted + "')";
  }

  root.Counterfoil.Sources = Sources;
  root.Counterfoil.Unreadable = Unreadable;
})(/** @type {any} */ (window));
