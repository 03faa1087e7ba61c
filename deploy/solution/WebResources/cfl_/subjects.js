// @ts-check
/* What an action is about: one row, several ticked rows or a filtered list, read with the user's own rights. */
(function (root) {
  "use strict";

  const { Dialog, Money, Unreadable, WebApi } = root.Counterfoil;

  /**
   * @typedef {{ label: string[], value: string, strong?: boolean }} Fact
   * @typedef {{
   *   row: any, rows: any[], ids: string[], number: string, currency: any, facts: (money: (minor: number, currency?: any) => string) => Fact[],
   *   ledger: { id: string, accountId: string, currencyId: string }
   * }} Subject
   *   `row` is the first of `rows`; `ledger` is empty where the action has none.
   */

  const FORMATTED = "@OData.Community.Display.V1.FormattedValue";
  const CURRENCY = "transactioncurrencyid($select=isocurrencycode,currencysymbol,currencyprecision)";
  const LEDGER = "cfl_billingaccountid($select=cfl_name,_cfl_accountid_value,_transactioncurrencyid_value)";
  const PLANNED = "Planned: ";
  const INVOICE = "cfl_invoiceid($select=invoicenumber,name)";
  const AT_ONCE = 25; // ids in one address
  const PAGE = 400; // as many as one job takes: a longer list is refused, and need not be read to its end

  /** Where each kind of row is, what is read of it, and how it is named. */
  const TABLES = /** @type {Record<string, any>} */ ({
    account: {
      set: "accounts",
      key: "accountid",
      query: "?$select=name&$expand=" + CURRENCY,
      number: (/** @type {any} */ row) => row.name,
      facts: () => [],
    },
    cfl_billingaccount: {
      set: "cfl_billingaccounts",
      key: "cfl_billingaccountid",
      query:
        "?$select=cfl_name,cfl_status,cfl_taxexempt,cfl_balance,cfl_depositbalance,cfl_undisbursed,_cfl_accountid_value," +
        "_cfl_billinggroupid_value,_transactioncurrencyid_value&$expand=" +
        CURRENCY,
      number: (/** @type {any} */ row) => row.cfl_name,
      facts: ofAccount,
    },
    cfl_accounttransaction: {
      set: "cfl_accounttransactions",
      key: "cfl_accounttransactionid",
      query:
        "?$select=cfl_number,cfl_kind,cfl_net,cfl_tax,cfl_gross,cfl_detail,cfl_automatic,cfl_undisbursed&$expand=" +
        CURRENCY +
        "," +
        LEDGER +
        "," +
        INVOICE,
      number: (/** @type {any} */ row) => "#" + row.cfl_number,
      facts: ofTransaction,
    },
    cfl_payment: {
      set: "cfl_payments",
      key: "cfl_paymentid",
      query:
        "?$select=cfl_number,cfl_amount,cfl_refunded,cfl_undisbursed,cfl_deposit,cfl_automatic,cfl_detail," +
        "_cfl_paymenttypeid_value,_cfl_paymenttransactionid_value&$expand=" +
        CURRENCY +
        "," +
        LEDGER,
      number: (/** @type {any} */ row) => "#" + row.cfl_number,
      facts: ofPayment,
    },
    cfl_disbursement: {
      set: "cfl_disbursements",
      key: "cfl_disbursementid",
      query:
        "?$select=cfl_number,cfl_amount,_cfl_paymentid_value,_cfl_creditid_value&$expand=" +
        CURRENCY +
        "," +
        LEDGER +
        "," +
        INVOICE,
      number: (/** @type {any} */ row) => "#" + row.cfl_number,
      facts: ofDisbursement,
    },
    invoice: {
      set: "invoices",
      key: "invoiceid",
      query:
        "?$select=invoicenumber,name,totalamount,cfl_total,cfl_balance,cfl_pendingamount,cfl_ledgerstate,cfl_closedon,cfl_deliveredon," +
        "_customerid_value&$expand=" +
        CURRENCY,
      number: (/** @type {any} */ row) => row.invoicenumber || row.name,
      facts: ofInvoice,
    },
    cfl_billinggroup: {
      set: "cfl_billinggroups",
      key: "cfl_billinggroupid",
      query: "?$select=cfl_name",
      number: (/** @type {any} */ row) => row.cfl_name,
      facts: () => [],
    },
    cfl_paymenttransaction: {
      set: "cfl_paymenttransactions",
      key: "cfl_paymenttransactionid",
      query: "?$select=cfl_name,cfl_amount,cfl_linkexpireson&$expand=" + CURRENCY + "," + INVOICE,
      number: (/** @type {any} */ row) => row.cfl_name,
      facts: ofLink,
    },
    cfl_paymentprofile: {
      set: "cfl_paymentprofiles",
      key: "cfl_paymentprofileid",
      query: "?$select=cfl_name,cfl_expiry,cfl_isdefault,statuscode,_cfl_accountid_value",
      number: (/** @type {any} */ row) => row.cfl_name,
      facts: ofProfile,
    },
    cfl_chargerun: {
      set: "cfl_chargeruns",
      key: "cfl_chargerunid",
      query: "?$select=cfl_name,cfl_status,cfl_planned,cfl_totals",
      number: (/** @type {any} */ row) => row.cfl_name,
      facts: ofChargeRun,
    },
    cfl_paymentbatch: {
      set: "cfl_paymentbatches",
      key: "cfl_paymentbatchid",
      query: "?$select=cfl_name,cfl_status",
      number: (/** @type {any} */ row) => row.cfl_name,
      facts: (/** @type {Subject} */ subject) => [
        { label: ["status"], value: subject.row["cfl_status" + FORMATTED] || "" },
      ],
    },
    cfl_usagerecord: {
      set: "cfl_usagerecords",
      key: "cfl_usagerecordid",
      columns: ["cfl_usagerecordid", "cfl_net", "cfl_tax", "cfl_gross", "cfl_billingaccountid"],
      number: () => "",
      facts: ofUsage,
    },
  });

  const Subjects = {
    /** @param {string} table */
    set: function (table) {
      return TABLES[table].set;
    },

    /** What people call a row. @param {string} table @param {any} row */
    number: function (table, row) {
      return TABLES[table].number(row);
    },

    /**
     * Raises Unreadable with the answer that something could not be read with.
     * @param {string} table
     * @param {Record<string, any>} opened what was handed over: `id`, `ids` or `fetchXml`
     * @returns {Promise<Subject>}
     */
    read: async function (table, opened) {
      const about = TABLES[table];
      const ids = opened.ids || (opened.id ? [opened.id] : []);
      const rows = opened.fetchXml
        ? await listed(about, opened.fetchXml)
        : await Promise.all(groups(ids.map(Dialog.id)).map((some) => fetched(about, some))).then(joined);
      const row = rows[0] || {};
      const usage = opened.fetchXml && row._cfl_billingaccountid_value;
      const account = usage ? (await fetched(TABLES.cfl_billingaccount, [usage]))[0] : row;
      const ledger = table === "cfl_billingaccount" || usage ? account : row.cfl_billingaccountid || {};
      const subject = {
        row: row,
        rows: rows,
        ids: rows.map((/** @type {any} */ one) => one[about.key]),
        number: named(rows.map(about.number)),
        currency: currencyOf(account),
        ledger: {
          id: ledger.cfl_billingaccountid || row._cfl_billingaccountid_value || "",
          accountId: ledger._cfl_accountid_value || "",
          currencyId: ledger._transactioncurrencyid_value || "",
        },
        facts: /** @type {any} */ (null),
      };
      subject.facts = (/** @type {any} */ money) => about.facts(subject, money);
      return subject;
    },

    /** The sum of a column over all rows, in minor units. @param {Subject} subject @param {string} column */
    sum: function (subject, column) {
      return subject.rows.reduce((sum, row) => sum + Money.fromWire(row[column], subject.currency), 0);
    },
  };

  // --- Reading ----------------------------------------------------------------------------------------------

  /** @param {any} about @param {string[]} ids @returns {Promise<any[]>} */
  async function fetched(about, ids) {
    const address =
      ids.length === 1
        ? "(" + ids[0] + ")" + about.query
        : about.query + "&$filter=" + ids.map((id) => about.key + " eq " + id).join(" or ");
    const answer = await WebApi.read(about.set + address);
    if (answer.status !== 200) throw new Unreadable(answer);
    return ids.length === 1 ? [answer.body] : answer.body.value;
  }

  /**
   * The list as it stands, page by page, with the columns that count here instead of those it shows.
   * @param {any} about
   * @param {string} fetchXml
   */
  async function listed(about, fetchXml) {
    const query = new DOMParser().parseFromString(fetchXml, "text/xml");
    const fetch = query.documentElement;
    const entity = fetch.querySelector("entity");
    if (!entity) throw new Unreadable({ status: 0, message: "" });
    Array.from(fetch.querySelectorAll("attribute, all-attributes")).forEach((one) => one.remove());
    about.columns.forEach((/** @type {string} */ name) => {
      const column = query.createElement("attribute");
      column.setAttribute("name", name);
      entity.append(column);
    });
    ["top", "paging-cookie", "distinct"].forEach((name) => fetch.removeAttribute(name));
    fetch.setAttribute("count", String(PAGE));
    /** @type {any[]} */
    let rows = [];
    for (let page = 1; ; page += 1) {
      fetch.setAttribute("page", String(page));
      const text = new XMLSerializer().serializeToString(query);
      const answer = await WebApi.read(about.set + "?fetchXml=" + encodeURIComponent(text));
      if (answer.status !== 200) throw new Unreadable(answer);
      rows = rows.concat(answer.body.value);
      if (answer.body.value.length < PAGE || rows.length > PAGE) return rows;
    }
  }

  /** @param {string[]} ids @returns {string[][]} */
  function groups(ids) {
    const made = [];
    for (let start = 0; start < ids.length; start += AT_ONCE) made.push(ids.slice(start, start + AT_ONCE));
    return made;
  }

  /** @param {any[][]} lists */
  function joined(lists) {
    return /** @type {any[]} */ ([]).concat(...lists);
  }

  /** @param {string[]} numbers */
  function named(numbers) {
    if (numbers.length <= 3) return numbers.join(", ");
    return numbers[0] + " … " + numbers[numbers.length - 1] + " (" + numbers.length + ")";
  }

  /** @param {any} row */
  function currencyOf(row) {
    const currency = row.transactioncurrencyid;
    if (!currency) return null;
    return {
      code: currency.isocurrencycode,
      precision: currency.currencyprecision,
      symbol: currency.currencysymbol || "",
    };
  }

  // --- What is said of each ---------------------------------------------------------------------------------

  /** @typedef {(minor: number, currency?: any) => string} Written */

  /** @param {Subject} subject @param {string} column @param {Written} money */
  function amount(subject, column, money) {
    return money(Money.fromWire(subject.row[column], subject.currency));
  }

  /** @param {Subject} subject @param {Written} money @returns {Fact[]} */
  function ofAccount(subject, money) {
    const rows = [{ label: ["accountBalance"], value: amount(subject, "cfl_balance", money), strong: true }];
    if (subject.row.cfl_undisbursed) {
      rows.push({ label: ["undisbursed"], value: amount(subject, "cfl_undisbursed", money), strong: false });
    }
    if (subject.row.cfl_depositbalance) {
      rows.push({ label: ["deposits"], value: amount(subject, "cfl_depositbalance", money), strong: false });
    }
    return rows;
  }

  /** @param {Subject} subject @param {Written} money @returns {Fact[]} */
  function ofTransaction(subject, money) {
    return present([
      { label: ["kind"], value: subject.row["cfl_kind" + FORMATTED] },
      { label: ["detail"], value: subject.row.cfl_detail },
      { label: ["invoice"], value: numberOf(subject.row.cfl_invoiceid) },
      { label: ["net"], value: amount(subject, "cfl_net", money) },
      { label: ["tax"], value: amount(subject, "cfl_tax", money) },
      { label: ["gross"], value: amount(subject, "cfl_gross", money), strong: true },
    ]);
  }

  /** @param {Subject} subject @param {Written} money @returns {Fact[]} */
  function ofPayment(subject, money) {
    if (subject.rows.length > 1) {
      return [
        { label: ["payments"], value: String(subject.rows.length) },
        { label: ["total"], value: money(Subjects.sum(subject, "cfl_amount")), strong: true },
      ];
    }
    return present([
      { label: ["paymentType"], value: subject.row["_cfl_paymenttypeid_value" + FORMATTED] },
      { label: ["detail"], value: subject.row.cfl_detail },
      { label: ["amountPlain"], value: amount(subject, "cfl_amount", money), strong: true },
      { label: ["refunded"], value: subject.row.cfl_refunded ? amount(subject, "cfl_refunded", money) : "" },
      { label: ["undisbursed"], value: subject.row.cfl_undisbursed ? amount(subject, "cfl_undisbursed", money) : "" },
    ]);
  }

  /** @param {Subject} subject @param {Written} money @returns {Fact[]} */
  function ofDisbursement(subject, money) {
    return present([
      { label: ["payment"], value: subject.row["_cfl_paymentid_value" + FORMATTED] },
      { label: ["credit"], value: subject.row["_cfl_creditid_value" + FORMATTED] },
      { label: ["invoice"], value: numberOf(subject.row.cfl_invoiceid) },
      { label: ["amountPlain"], value: amount(subject, "cfl_amount", money), strong: true },
    ]);
  }

  /** @param {Subject} subject @param {Written} money @returns {Fact[]} */
  function ofInvoice(subject, money) {
    if (subject.rows.length > 1) return [{ label: ["invoices"], value: subject.number }];
    const known = subject.row.cfl_balance !== null && subject.row.cfl_balance !== undefined;
    return present([
      { label: ["customer"], value: subject.row["_customerid_value" + FORMATTED] },
      { label: ["ledgerState"], value: subject.row["cfl_ledgerstate" + FORMATTED] },
      { label: ["total"], value: amount(subject, known ? "cfl_total" : "totalamount", money) },
      { label: ["balanceDue"], value: amount(subject, known ? "cfl_balance" : "totalamount", money), strong: true },
    ]);
  }

  /** @param {Subject} subject @param {Written} money @returns {Fact[]} */
  function ofLink(subject, money) {
    const invoice = subject.row.cfl_invoiceid || {};
    return present([
      { label: ["invoice"], value: invoice.invoicenumber || invoice.name },
      { label: ["amountPlain"], value: amount(subject, "cfl_amount", money), strong: true },
      { label: ["linkExpires"], value: subject.row["cfl_linkexpireson" + FORMATTED] },
    ]);
  }

  /** E97, E98: what the press of the button will credit. @param {Subject} subject @param {Written} money @returns {Fact[]} */
  function ofUsage(subject, money) {
    return [
      { label: ["billingAccount"], value: subject.row["_cfl_billingaccountid_value" + FORMATTED] || "" },
      { label: ["usageRecords"], value: String(subject.rows.length) },
      { label: ["net"], value: money(Subjects.sum(subject, "cfl_net")) },
      { label: ["tax"], value: money(Subjects.sum(subject, "cfl_tax")) },
      { label: ["gross"], value: money(Subjects.sum(subject, "cfl_gross")), strong: true },
    ];
  }

  /** How much a run would charge, of what its service counted: "Planned: 1,450.00 USD, 20.00 EUR". @param {Subject} subject @param {Written} money @returns {Fact[]} */
  function ofChargeRun(subject, money) {
    const lines = (subject.row.cfl_totals || "").split("\n");
    const planned = lines.filter((/** @type {string} */ line) => line.startsWith(PLANNED))[0] || "";
    const sums = planned.slice(PLANNED.length).split(", ").filter(Boolean);
    const written = sums.map((/** @type {string} */ sum) => {
      const [amount, code] = sum.split(" ");
      const currency = { code: code, precision: (amount.split(".")[1] || "").length };
      return money(Money.fromWire(amount.replace(/,/g, ""), currency), currency);
    });
    return present([
      { label: ["status"], value: subject.row["cfl_status" + FORMATTED] },
      { label: ["invoicesToCharge"], value: String(subject.row.cfl_planned || 0) },
      { label: ["toCharge"], value: written.join(" + "), strong: true },
    ]);
  }

  /** @param {Subject} subject @returns {Fact[]} */
  function ofProfile(subject) {
    return present([
      { label: ["customer"], value: subject.row["_cfl_accountid_value" + FORMATTED] },
      { label: ["status"], value: subject.row["statuscode" + FORMATTED] },
      { label: ["profileExpiry"], value: subject.row.cfl_expiry },
    ]);
  }

  /** @param {any} invoice */
  function numberOf(invoice) {
    return invoice ? invoice.invoicenumber || invoice.name : "";
  }

  /** @param {Fact[]} facts */
  function present(facts) {
    return facts.filter((one) => one.value);
  }

  root.Counterfoil.Subjects = Subjects;
})(/** @type {any} */ (window));
