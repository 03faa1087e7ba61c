// @ts-check
/* The table of all actions: what each is about, what it asks, what it sends. Adding an action is adding an entry. */
(function (root) {
  "use strict";

  const { Money, Sources, Subjects } = root.Counterfoil;

  /**
   * The situation `s` that the functions below are asked in.
   * @typedef {{
   *   row: any, rows: any[], ids: string[], ledger: any, currency: any, today: string, setting: any, mayOverride: boolean, preset: string[],
   *   values: Record<string, any>, chosen: Record<string, any>, offers: Record<string, any[]>, money: (minor: number) => string
   * }} Situation
   *
   * @typedef {string[]} Line
   *
   * One field. Its name is the parameter it is sent as.
   *   type: money, date, text, memo, yesno, choice (radio buttons), pick (a list), lookup (suggestions as one types),
   *     ticks (rows to tick), one (a row to choose)
   *   label, hint: keys of the texts
   *   required: whether it must be filled        when: whether it is shown        locked: whether it can only be read, lockedHint: why
   *   initial: what it holds until somebody touches it; asked again whenever something else changes
   *   from: the rows it offers                   only: which of them
   *   options: of a choice or a list, value and text
   *   currency: of an amount that is not in that of the row
   *   most: the greatest amount, tooMuch: what is said above it; mostRows: of rows to tick
   *   after: a date that must not be later       excludes: a tick that cannot be set as well
   *   sends: "nothing" for a field that only narrows another; "changes" for what goes only when it differs from `initial`
   *   step: 2 for what is asked on the second page
   * @typedef {{
   *   name: string, type: string, label: string, hint?: string, required?: boolean | ((s: Situation) => boolean),
   *   when?: (s: Situation) => boolean, locked?: (s: Situation) => boolean, lockedHint?: string, initial?: (s: Situation) => any,
   *   from?: (s: Situation) => Promise<any[]>, find?: (text: string, s: Situation) => Promise<any[]>,
   *   only?: (offer: any, s: Situation) => boolean, options?: [number, Line][], none?: string, currency?: (s: Situation) => any,
   *   most?: (s: Situation) => number, tooMuch?: string, mostRows?: number, after?: string, excludes?: string, sends?: string, step?: number
   * }} Field
   *
   * One action.
   *   api: the custom API; about: the table of the rows it was opened on; bound: where the call goes, unbound without
   *   title, save, done: keys of the texts; another: whether Save/New is offered; danger: whether Cancel has the focus
   *   says: what has to be known before it is saved, tone first; instead: why nothing can be done
   *   fixed: parameters nobody is asked for: name, type, value
   *   each: whether every ticked row gets a call of its own
   *   nextTitle: of the second page; pending: what is said of one that goes on by itself
   *   opens: the table of the record that it makes, which is opened afterwards
   *   other: an action that makes what is missing here, and what its button says
   *   link: what the link is for that it makes for a customer, "profile" or "payment"
   * @typedef {{
   *   api: string, about: string, bound?: (s: Situation) => string, title: string, save: string, done: string,
   *   fields: Field[], another?: boolean, danger?: boolean, says?: (s: Situation) => string[], instead?: (s: Situation) => Line,
   *   fixed?: (s: Situation) => [string, string, any][], each?: boolean, nextTitle?: string, pending?: string,
   *   gateway?: boolean, money?: string, opens?: string, link?: string,
   *   other?: { action: string, label: string }
   * }} Action
   */

  const CHOICE = 728310000;
  const BACKEND = { card: CHOICE, check: CHOICE + 2 };
  const LEDGER_STATE = { closed: CHOICE + 1 };
  const DELIVERY = { email: CHOICE + 1, print: CHOICE + 2 };
  /** Rows of one call: one changeset has to hold all that follows from them. */
  const MOST_INVOICES = 300;
  const MOST_DEBITS = 50;
  /** Usage records of one job: one changeset has to hold all of them. */
  const MOST_RECORDS = 400;

  // --- Fields that several actions have ---------------------------------------------------------------------

  /** @type {Field} */
  const AMOUNT = { name: "Amount", type: "money", label: "amountPlain", required: true };
  /** @type {Field} */
  const DATE = { name: "Date", type: "date", label: "date", initial: (s) => s.today };
  /** @type {Field} */
  const POSTING_DATE = { name: "PostingDate", type: "date", label: "postingDate", hint: "postingDateHint" };
  /** @type {Field} */
  const DETAIL = { name: "Detail", type: "memo", label: "detail" };
  /** @type {Field} */
  const TAX_EXEMPT = { name: "TaxExempt", type: "yesno", label: "taxExempt", initial: () => false };
  /** @type {Field[]} */
  const PERIOD = [
    { name: "PeriodStart", type: "date", label: "periodStart" },
    { name: "PeriodEnd", type: "date", label: "periodEnd", after: "PeriodStart" },
  ];
  /** @type {Field} */
  const SERVICE = { name: "ServiceId", type: "lookup", label: "service", hint: "serviceHint", find: Sources.services };
  /** Of a reversal: the service takes the first open day where none is given (A30). @type {Field[]} */
  const REVERSAL_DATES = [
    { name: "Date", type: "date", label: "date", hint: "reversalDateHint" },
    { name: "PostingDate", type: "date", label: "postingDate", hint: "reversalDateHint" },
  ];
  /** @type {Field} */
  const PAYMENT_TYPE = {
    name: "PaymentTypeId",
    type: "pick",
    label: "paymentType",
    required: true,
    from: Sources.paymentTypes,
  };
  /** Ticked unless the payment type says otherwise (A9); never together with a deposit (A10). @type {Field} */
  const AUTOMATIC = {
    name: "Automatic",
    type: "yesno",
    label: "automatic",
    hint: "automaticHint",
    initial: (s) => !s.values.Deposit && !(s.chosen.PaymentTypeId && s.chosen.PaymentTypeId.cfl_automatic === false),
    excludes: "Deposit",
  };
  /** @type {Field} */
  const DEPOSIT = {
    name: "Deposit",
    type: "yesno",
    label: "deposit",
    hint: "depositHint",
    initial: () => false,
    excludes: "Automatic",
  };
  /** @type {Field} */
  const OPEN_INVOICES = {
    name: "InvoiceIds",
    type: "ticks",
    label: "openBalanceInvoices",
    required: true,
    from: Sources.openInvoices,
    mostRows: MOST_INVOICES,
  };

  /** Where an account has several: which of them, and so which currency. @type {Field} */
  const BILLING_ACCOUNT = {
    name: "BillingAccountId",
    type: "pick",
    label: "billingAccount",
    required: true,
    from: Sources.billingAccounts,
    initial: (s) => (s.offers.BillingAccountId.length === 1 ? s.offers.BillingAccountId[0].id : ""),
    sends: "nothing",
  };
  /** @type {Field[]} */
  const WHOM_TO_ASK = [
    {
      name: "Type",
      type: "pick",
      label: "profileType",
      hint: "profileTypeHint",
      none: "profileTypeAny",
      options: [
        [CHOICE, ["profileTypeCard"]],
        [CHOICE + 1, ["profileTypeAch"]],
        [CHOICE + 2, ["profileTypeSepa"]],
      ],
    },
    { name: "ContactId", type: "pick", label: "contact", hint: "contactHint", none: "contactNone", from: Sources.contacts },
  ];

  const Actions = {
    /** @type {Record<string, Action>} */
    table: {
      openAccount: {
        api: "cfl_OpenAccount",
        about: "account",
        bound: ofRow("account"),
        title: "openAccountTitle",
        save: "openAccountSave",
        done: "openAccountDone",
        fields: [
          {
            name: "Currency",
            type: "pick",
            label: "currency",
            required: true,
            from: Sources.currencies,
            initial: (s) => (s.currency ? s.currency.code : ""),
          },
        ],
      },
      updateAccount: {
        api: "cfl_UpdateAccount",
        about: "cfl_billingaccount",
        bound: ofRow("cfl_billingaccount"),
        title: "updateAccountTitle",
        save: "save",
        done: "updateAccountDone",
        fields: [
          {
            name: "Status",
            type: "choice",
            label: "status",
            options: [
              [CHOICE, ["statusActive"]],
              [CHOICE + 1, ["statusSuspended"]],
              [CHOICE + 2, ["statusCancelled"]],
            ],
            initial: (s) => s.row.cfl_status,
            sends: "changes",
          },
          {
            name: "BillingGroupId",
            type: "pick",
            label: "billingGroup",
            from: Sources.billingGroups,
            initial: (s) => s.row._cfl_billinggroupid_value || "",
            sends: "changes",
          },
          Object.assign({}, TAX_EXEMPT, {
            initial: (/** @type {Situation} */ s) => s.row.cfl_taxexempt === true,
            sends: "changes",
          }),
        ],
      },
      addDebit: {
        api: "cfl_AddDebit",
        about: "cfl_billingaccount",
        bound: ofRow("cfl_billingaccount"),
        title: "addDebitTitle",
        save: "save",
        done: "addDebitDone",
        another: true,
        fields: [AMOUNT, SERVICE, DATE, POSTING_DATE].concat(PERIOD, [DETAIL, TAX_EXEMPT]),
      },
      addCredit: {
        api: "cfl_AddCredit",
        about: "cfl_billingaccount",
        bound: ofRow("cfl_billingaccount"),
        title: "addCreditTitle",
        save: "save",
        done: "addCreditDone",
        another: true,
        fields: [
          AMOUNT,
          Object.assign({}, SERVICE, { required: (/** @type {Situation} */ s) => s.setting.cfl_serviceoptional !== true }),
          DATE,
          POSTING_DATE,
        ].concat(PERIOD, [
          DETAIL,
          TAX_EXEMPT,
          { name: "Automatic", type: "yesno", label: "automatic", hint: "automaticHint", initial: () => false },
          Object.assign({}, OPEN_INVOICES, {
            required: false,
            hint: "payingInvoicesHint",
            label: "payingInvoices",
            when: (/** @type {Situation} */ s) => !s.values.Automatic && s.offers.InvoiceIds.length > 0,
          }),
        ]),
      },
      addPayment: {
        api: "cfl_AddPayment",
        about: "cfl_billingaccount",
        bound: ofRow("cfl_billingaccount"),
        title: "addPaymentTitle",
        save: "save",
        done: "addPaymentDone",
        another: true,
        says: () => ["info", "addPaymentSays"],
        fields: [
          AMOUNT,
          PAYMENT_TYPE,
          { name: "CheckNumber", type: "text", label: "checkNumber", when: paidBy(BACKEND.check) },
          {
            name: "CardType",
            type: "pick",
            label: "cardType",
            options: [
              [CHOICE, ["", "Visa"]],
              [CHOICE + 1, ["", "Mastercard"]],
              [CHOICE + 2, ["", "American Express"]],
              [CHOICE + 3, ["", "Discover"]],
              [CHOICE + 4, ["", "Diners Club"]],
              [CHOICE + 5, ["", "JCB"]],
              [CHOICE + 6, ["", "UnionPay"]],
              [CHOICE + 7, ["cardOther"]],
            ],
            when: paidBy(BACKEND.card),
          },
          DATE,
          POSTING_DATE,
          DETAIL,
          AUTOMATIC,
          DEPOSIT,
        ],
      },
      makePayment: {
        api: "cfl_MakePayment",
        about: "cfl_billingaccount",
        bound: ofRow("cfl_billingaccount"),
        title: "makePaymentTitle",
        save: "makePaymentSave",
        money: "makePaymentSaveAmount",
        done: "makePaymentDone",
        gateway: true,
        instead: (s) => (s.offers.PaymentProfileId.length ? [] : ["noProfileTitle", "makePaymentNoProfile"]),
        other: { action: "requestProfile", label: "addMethod" },
        fields: [
          Object.assign({}, PAYMENT_TYPE, { required: false, hint: "makePaymentTypeHint" }),
          {
            name: "PaymentProfileId",
            type: "pick",
            label: "profile",
            hint: "makePaymentProfileHint",
            required: true,
            from: Sources.profiles,
            initial: (s) => s.offers.PaymentProfileId.filter((one) => one.row.cfl_isdefault).map((one) => one.id)[0] || "",
          },
          Object.assign({}, AMOUNT, { initial: owed }),
          AUTOMATIC,
          DEPOSIT,
        ],
      },
      requestProfile: requestProfile("cfl_billingaccount", []),
      requestProfileOfAccount: requestProfile("account", [BILLING_ACCOUNT]),
      setDefaultProfile: {
        api: "cfl_SetDefaultProfile",
        about: "cfl_paymentprofile",
        bound: ofRow("cfl_paymentprofile"),
        title: "setDefaultProfileTitle",
        save: "setDefaultProfileSave",
        done: "setDefaultProfileDone",
        says: () => ["info", "setDefaultProfileSays"],
        fields: [],
      },
      deactivateProfile: {
        api: "cfl_DeactivateProfile",
        about: "cfl_paymentprofile",
        bound: ofRow("cfl_paymentprofile"),
        title: "deactivateProfileTitle",
        save: "deactivateProfileSave",
        done: "deactivateProfileDone",
        danger: true,
        says: () => ["warning", "areYouSure", "deactivateProfileSays"],
        fields: [],
      },
      reverseTransaction: {
        api: "cfl_ReverseTransaction",
        about: "cfl_accounttransaction",
        bound: ofRow("cfl_accounttransaction"),
        title: "reverseTransactionTitle",
        save: "reverse",
        done: "reverseTransactionDone",
        says: () => ["warning", "reverseTransactionSays"],
        fields: REVERSAL_DATES,
      },
      reversePayments: {
        api: "cfl_ReversePayments",
        about: "cfl_payment",
        title: "reversePaymentsTitle",
        save: "reverse",
        done: "reversePaymentsDone",
        says: () => ["warning", "reversePaymentsSays"],
        fields: REVERSAL_DATES,
        fixed: (s) => [["PaymentIds", "ids", s.ids]],
      },
      refundPayment: {
        api: "cfl_RefundPayment",
        about: "cfl_payment",
        bound: ofRow("cfl_payment"),
        title: "refundPaymentTitle",
        save: "refund",
        money: "refundAmount",
        done: "refundPaymentDone",
        gateway: true,
        pending: "refundPending",
        instead: (s) => (unrefunded(s) > 0 ? [] : ["refundNothingTitle", "refundNothingText"]),
        fields: [
          Object.assign({}, AMOUNT, { initial: unrefunded, most: unrefunded, tooMuch: "errorAboveUnrefunded" }),
          {
            name: "ThroughGateway",
            type: "yesno",
            label: "throughGateway",
            hint: "throughGatewayHint",
            initial: () => true,
            when: (s) => Boolean(s.row._cfl_paymenttransactionid_value),
          },
          POSTING_DATE,
        ],
      },
      creditCardRefund: {
        api: "cfl_RefundPayment",
        about: "cfl_billingaccount",
        bound: (s) => Subjects.set("cfl_payment") + "(" + s.values.PaymentId + ")",
        title: "creditCardRefundTitle",
        nextTitle: "creditCardRefundNext",
        save: "refund",
        money: "refundAmount",
        done: "refundPaymentDone",
        gateway: true,
        pending: "refundPending",
        instead: (s) => (s.offers.PaymentId.length ? [] : ["refundNothingTitle", "refundNoGatewayPayment"]),
        fixed: () => [["ThroughGateway", "yesno", true]],
        fields: [
          {
            name: "PaymentId",
            type: "one",
            label: "gatewayPayments",
            required: true,
            from: Sources.gatewayPayments,
            sends: "nothing",
          },
          Object.assign({}, AMOUNT, {
            initial: amountOfPayment,
            most: amountOfPayment,
            tooMuch: "errorAboveUnrefunded",
            step: 2,
          }),
          Object.assign({}, POSTING_DATE, { step: 2 }),
        ],
      },
      adjustTax: {
        api: "cfl_AdjustTax",
        about: "cfl_accounttransaction",
        bound: ofRow("cfl_accounttransaction"),
        title: "adjustTaxTitle",
        save: "save",
        done: "adjustTaxDone",
        fields: [
          {
            name: "Kind",
            type: "choice",
            label: "kind",
            required: true,
            options: [
              [CHOICE, ["kindDebit"]],
              [CHOICE + 1, ["kindCredit"]],
            ],
          },
          { name: "TaxCode", type: "pick", label: "taxCode", required: true, from: Sources.taxCodes, sends: "nothing" },
          {
            name: "TaxRateId",
            type: "pick",
            label: "taxRate",
            required: true,
            from: Sources.taxRates,
            only: (offer, s) => offer.row._cfl_taxcodeid_value === s.values.TaxCode,
          },
          AMOUNT,
        ],
      },
      disbursePayment: disburse("cfl_payment", "PaymentId"),
      disburseCredit: disburse("cfl_accounttransaction", "CreditId"),
      deleteDisbursement: {
        api: "cfl_DeleteDisbursement",
        about: "cfl_disbursement",
        bound: ofRow("cfl_disbursement"),
        title: "deleteDisbursementTitle",
        save: "delete",
        done: "deleteDisbursementDone",
        danger: true,
        says: () => ["warning", "areYouSure", "deleteDisbursementSays"],
        fields: [],
      },
      savePayment: {
        api: "cfl_SavePayment",
        about: "cfl_payment",
        bound: ofRow("cfl_payment"),
        title: "savePaymentTitle",
        save: "save",
        done: "savePaymentDone",
        says: () => ["info", "saveSays"],
        fields: [
          Object.assign({}, DEPOSIT, {
            hint: "releaseDepositHint",
            initial: (/** @type {Situation} */ s) => s.row.cfl_deposit === true,
          }),
          Object.assign({}, AUTOMATIC, { initial: (/** @type {Situation} */ s) => s.row.cfl_automatic === true }),
        ],
      },
      saveCredit: {
        api: "cfl_SaveCredit",
        about: "cfl_accounttransaction",
        bound: ofRow("cfl_accounttransaction"),
        title: "saveCreditTitle",
        save: "save",
        done: "saveCreditDone",
        says: () => ["info", "saveSays"],
        fields: [
          {
            name: "Automatic",
            type: "yesno",
            label: "automatic",
            hint: "automaticHint",
            initial: (s) => s.row.cfl_automatic === true,
          },
        ],
      },
      openInvoice: {
        api: "cfl_OpenInvoice",
        about: "invoice",
        bound: ofRow("invoice"),
        title: "openInvoiceTitle",
        save: "openInvoiceSave",
        done: "openInvoiceDone",
        says: (s) => (mightHaveBeenSent(s.row) ? ["warning", "mightHaveBeenSent", "mightHaveBeenSentNext"] : []),
        fields: [],
      },
      closeInvoice: {
        api: "cfl_CloseInvoice",
        about: "invoice",
        bound: ofRow("invoice"),
        title: "closeInvoiceTitle",
        save: "closeInvoiceSave",
        done: "closeInvoiceDone",
        says: () => ["info", "closeInvoiceSays"],
        fields: [],
      },
      voidInvoice: {
        api: "cfl_VoidInvoice",
        about: "invoice",
        bound: ofRow("invoice"),
        title: "voidInvoiceTitle",
        save: "voidInvoiceSave",
        done: "voidInvoiceDone",
        danger: true,
        says: () => ["warning", "areYouSure", "voidInvoiceSays"],
        fields: [],
      },
      requestPayment: {
        api: "cfl_RequestPayment",
        about: "invoice",
        bound: ofRow("invoice"),
        title: "requestPaymentTitle",
        save: "requestPaymentSave",
        done: "requestPaymentDone",
        link: "payment",
        says: () => ["info", "requestPaymentSays"],
        instead: (s) => (leftToPay(s) > 0 ? [] : ["nothingToPayTitle", "nothingToPayText"]),
        fields: [Object.assign({}, AMOUNT, { initial: leftToPay, most: leftToPay, tooMuch: "errorAboveLeft" })],
      },
      withdrawLink: {
        api: "cfl_WithdrawPaymentLink",
        about: "cfl_paymenttransaction",
        bound: ofRow("cfl_paymenttransaction"),
        title: "withdrawLinkTitle",
        save: "withdrawLinkSave",
        done: "withdrawLinkDone",
        danger: true,
        says: () => ["warning", "withdrawLinkSays"],
        fields: [],
      },
      emailInvoice: deliver("emailInvoiceTitle", "emailInvoiceSave", "emailInvoiceDone", DELIVERY.email),
      printInvoice: deliver("printInvoiceTitle", "printInvoiceSave", "printInvoiceDone", DELIVERY.print),
      creditUsage: {
        api: "cfl_CreditUsage",
        about: "cfl_usagerecord",
        bound: (s) => Subjects.set("cfl_billingaccount") + "(" + s.ledger.id + ")",
        title: "creditUsageTitle",
        save: "creditUsageSave",
        done: "creditUsageDone",
        pending: "creditUsageDone",
        says: () => ["info", "creditUsageSays"],
        instead: notCreditable,
        fields: [Object.assign({}, SERVICE, { required: true, find: Sources.anyServices })],
        fixed: (s) => [["UsageIds", "ids", s.ids]],
      },
      statementRefund: {
        api: "cfl_CreateRefund",
        about: "cfl_billingaccount",
        bound: ofRow("cfl_billingaccount"),
        title: "statementRefundTitle",
        nextTitle: "statementRefundNext",
        save: "ok",
        done: "statementRefundDone",
        gateway: true,
        pending: "refundPending",
        instead: (s) => (s.offers.TransactionIds.length ? [] : ["refundNothingTitle", "refundNoTransaction"]),
        fields: [
          {
            name: "TransactionIds",
            type: "ticks",
            label: "transactionsToRefund",
            required: true,
            from: Sources.refundableDebits,
            mostRows: MOST_DEBITS,
            initial: (s) => s.preset,
          },
          Object.assign({}, PAYMENT_TYPE, { label: "paymentMethod", step: 2 }),
          Object.assign({}, AMOUNT, {
            initial: selectedSum,
            most: selectedSum,
            tooMuch: "errorAboveSelected",
            locked: (/** @type {Situation} */ s) => !s.mayOverride,
            lockedHint: "overrideHint",
            sends: "changes",
            step: 2,
          }),
        ],
      },
      runBilling: {
        api: "cfl_RunBilling",
        about: "cfl_billinggroup",
        bound: ofRow("cfl_billinggroup"),
        title: "runBillingTitle",
        save: "runBillingSave",
        done: "runBillingDone",
        pending: "runBillingPending",
        fields: [
          { name: "From", type: "date", label: "from" },
          { name: "To", type: "date", label: "to", after: "From" },
        ],
      },
      planChargeRun: {
        api: "cfl_PlanChargeRun",
        about: "cfl_chargerun",
        title: "planChargeRunTitle",
        save: "planChargeRunSave",
        done: "planChargeRunDone",
        pending: "planChargeRunPending",
        opens: "cfl_chargerun",
        says: () => ["info", "planChargeRunSays"],
        fields: [
          {
            name: "BillingGroup",
            type: "pick",
            label: "billingGroup",
            none: "any",
            from: Sources.billingGroups,
            sends: "nothing",
          },
          { name: "Currency", type: "pick", label: "currency", none: "any", from: Sources.currencies, sends: "nothing" },
          {
            name: "AtMost",
            type: "money",
            label: "atMost",
            hint: "atMostHint",
            currency: chosenCurrency,
            when: (s) => Boolean(s.chosen.Currency),
            sends: "nothing",
          },
          { name: "DatedTo", type: "date", label: "datedTo", hint: "datedToHint", sends: "nothing" },
          {
            name: "AutoCharge",
            type: "yesno",
            label: "autoCharge",
            hint: "autoChargeHint",
            initial: () => true,
            sends: "nothing",
          },
        ],
        fixed: (s) => [["Filter", "text", chargeFilter(s)]],
      },
      planInvoices: {
        api: "cfl_PlanChargeRun",
        about: "invoice",
        title: "planInvoicesTitle",
        save: "planChargeRunSave",
        done: "planChargeRunDone",
        pending: "planChargeRunPending",
        opens: "cfl_chargerun",
        says: () => ["info", "planChargeRunSays"],
        fields: [],
        fixed: (s) => [["Filter", "text", JSON.stringify({ invoices: s.ids })]],
      },
      startChargeRun: {
        api: "cfl_StartChargeRun",
        about: "cfl_chargerun",
        bound: ofRow("cfl_chargerun"),
        title: "startChargeRunTitle",
        save: "startChargeRunSave",
        done: "startChargeRunDone",
        says: () => ["warning", "startChargeRunSays"],
        fields: [],
      },
      pauseChargeRun: {
        api: "cfl_PauseChargeRun",
        about: "cfl_chargerun",
        bound: ofRow("cfl_chargerun"),
        title: "pauseChargeRunTitle",
        save: "pauseChargeRunSave",
        done: "pauseChargeRunDone",
        says: () => ["info", "pauseChargeRunSays"],
        fields: [],
      },
      cancelChargeRun: {
        api: "cfl_CancelChargeRun",
        about: "cfl_chargerun",
        bound: ofRow("cfl_chargerun"),
        title: "cancelChargeRunTitle",
        save: "cancelChargeRunSave",
        done: "cancelChargeRunDone",
        danger: true,
        says: () => ["warning", "areYouSure", "cancelChargeRunSays"],
        fields: [],
      },
      postBatch: {
        api: "cfl_PostBatch",
        about: "cfl_paymentbatch",
        bound: ofRow("cfl_paymentbatch"),
        title: "postBatchTitle",
        save: "postBatchSave",
        done: "postBatchDone",
        pending: "postBatchPending",
        says: () => ["info", "postBatchSays"],
        fields: [],
      },
    },
  };

  // --- What entries have in common --------------------------------------------------------------------------

  /** @param {string} table @returns {(s: Situation) => string} */
  function ofRow(table) {
    return (s) => Subjects.set(table) + "(" + s.ids[0] + ")";
  }

  /** For a billing account, or for one of an account's. @param {string} about @param {Field[]} first @returns {Action} */
  function requestProfile(about, first) {
    return {
      api: "cfl_RequestPaymentProfile",
      about: about,
      bound: (s) => Subjects.set("cfl_billingaccount") + "(" + (first.length ? s.values.BillingAccountId : s.ids[0]) + ")",
      title: "requestProfileTitle",
      save: "requestProfileSave",
      done: "requestProfileDone",
      link: "profile",
      says: () => ["info", "requestProfileSays"],
      instead: (s) =>
        first.length && s.offers.BillingAccountId.length === 0 ? ["noBillingAccountTitle", "noBillingAccountText"] : [],
      fields: first.concat(WHOM_TO_ASK),
    };
  }

  /** What neither a charge nor another link is under way for: the service looks again. @param {Situation} s */
  function leftToPay(s) {
    const known = s.row.cfl_balance !== null && s.row.cfl_balance !== undefined;
    const due = Money.fromWire(known ? s.row.cfl_balance : s.row.totalamount, s.currency);
    return due - Money.fromWire(s.row.cfl_pendingamount || 0, s.currency);
  }

  /** E158 to E161, for a payment or a credit. @param {string} table @param {string} parameter @returns {Action} */
  function disburse(table, parameter) {
    return {
      api: "cfl_Disburse",
      about: table,
      title: table === "cfl_payment" ? "disbursePaymentTitle" : "disburseCreditTitle",
      save: "disburse",
      done: "disburseDone",
      instead: (s) => (s.offers.InvoiceIds.length ? [] : ["nothingOpenTitle", "nothingOpenText"]),
      fields: [OPEN_INVOICES],
      fixed: (s) => [[parameter, "guid", s.ids[0]]],
    };
  }

  /** E135: each ticked invoice is sent by itself. @param {string} title @param {string} save @param {string} done @param {number} method @returns {Action} */
  function deliver(title, save, done, method) {
    return {
      api: "cfl_DeliverInvoice",
      about: "invoice",
      bound: ofRow("invoice"),
      title: title,
      save: save,
      done: done,
      each: true,
      fields: [],
      fixed: () => [["Method", "choice", method]],
    };
  }

  /** E119, E120. @param {number} backend @returns {(s: Situation) => boolean} */
  function paidBy(backend) {
    return (s) => Boolean(s.chosen.PaymentTypeId) && s.chosen.PaymentTypeId.cfl_backend === backend;
  }

  /** @param {Situation} s */
  function owed(s) {
    const balance = Money.fromWire(s.row.cfl_balance, s.currency);
    return balance > 0 ? balance : null;
  }

  /** E145. @param {Situation} s */
  function unrefunded(s) {
    return Money.fromWire(s.row.cfl_amount, s.currency) - Money.fromWire(s.row.cfl_refunded, s.currency);
  }

  /** @param {Situation} s */
  function amountOfPayment(s) {
    return s.offers.PaymentId.filter((one) => one.id === s.values.PaymentId).reduce((sum, one) => sum + one.amount, 0);
  }

  /** E177. @param {Situation} s */
  function selectedSum(s) {
    return s.offers.TransactionIds.filter((one) => s.values.TransactionIds.includes(one.id)).reduce(
      (sum, one) => sum + one.amount,
      0,
    );
  }

  /** E112. @param {any} invoice */
  function mightHaveBeenSent(invoice) {
    const untouched = invoice.cfl_ledgerstate === null || invoice.cfl_ledgerstate === undefined;
    return (
      untouched ||
      invoice.cfl_ledgerstate === LEDGER_STATE.closed ||
      Boolean(invoice.cfl_closedon || invoice.cfl_deliveredon)
    );
  }

  /** @param {Situation} s */
  function chosenCurrency(s) {
    const row = s.chosen.Currency || {};
    return { code: row.isocurrencycode || "", precision: row.currencyprecision === undefined ? 2 : row.currencyprecision };
  }

  /** The JSON that says which invoices a charge run is planned over: nothing but what was chosen. @param {Situation} s */
  function chargeFilter(s) {
    /** @type {Record<string, any>} */
    const filter = {};
    if (s.values.BillingGroup) filter.billing_group = s.values.BillingGroup;
    if (s.values.Currency) filter.currency = s.values.Currency;
    if (s.values.Currency && s.values.AtMost) filter.at_most = Money.numeral(s.values.AtMost, chosenCurrency(s));
    if (s.values.DatedTo) filter.dated_to = s.values.DatedTo;
    if (s.values.AutoCharge) filter.auto_charge = true;
    return JSON.stringify(filter);
  }

  /** A list that is empty, too long, or of several accounts (A22). @param {Situation} s */
  function notCreditable(s) {
    if (s.rows.length === 0) return ["creditUsageTitleRefused", "creditUsageEmpty"];
    if (s.rows.length > MOST_RECORDS) {
      return ["creditUsageTitleRefused", "creditUsageTooMany", String(MOST_RECORDS)];
    }
    const accounts = s.rows.map((row) => row._cfl_billingaccountid_value);
    return accounts.every((id) => id && id === accounts[0]) ? [] : ["creditUsageTitleRefused", "creditUsageSeveral"];
  }

  root.Counterfoil.Actions = Actions;
})(/** @type {any} */ (window));
