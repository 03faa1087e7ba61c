// @ts-check
/// <reference types="xrm" />
/* The ledger's commands on forms and lists: what each is about, when it shows, and that it opens the action's dialog. */
(function (root) {
  "use strict";

  const CHOICE = 728310000;
  const LEDGER_STATE = { open: CHOICE, closed: CHOICE + 1, void: CHOICE + 2, mirror: CHOICE + 3 };
  const KIND_CREDIT = CHOICE + 1;
  const CANCELED = 3;
  const DEACTIVATED = 2;
  const RUN = { planned: CHOICE, running: CHOICE + 1, paused: CHOICE + 2 };
  const STARTABLE = [RUN.planned, RUN.paused];
  const PENDING = 1;
  const SAME_MOMENT = 500;

  /** Actions that show rows beside each other. */
  const WIDE = ["addCredit", "creditCardRefund", "disbursePayment", "disburseCredit", "statementRefund"];

  /** Has a page of its own, as large as the window allows (E94). */
  const HISTORY = "usageHistory";

  let lately = { asked: "", at: 0, answer: /** @type {Promise<any>} */ (Promise.resolve(null)) };

  const Commands = {
    /**
     * About the record of the form.
     * @param {string} action
     * @param {Xrm.FormContext} form
     */
    onForm: async function (action, form) {
      if (form.data.entity.getIsDirty()) await form.data.save();
      await open(action, { id: bare(form.data.entity.getId()) });
      await renewForm(form);
    },

    /**
     * About the ticked rows of a list, however many the action takes.
     * @param {string} action
     * @param {any} around the form around the list, or the list itself
     * @param {any} list
     * @param {string[]} ids
     */
    onRows: async function (action, around, list, ids) {
      await open(action, { ids: ids.map(bare) });
      if (!(await openMade())) await renewList(around, list);
    },

    /**
     * About no record: what it makes is opened.
     * @param {string} action
     * @param {any} list
     */
    onList: async function (action, list) {
      await open(action, {});
      if (!(await openMade())) list.refresh();
    },

    /**
     * About the billing account that a list is on, with the ticked rows for a start.
     * @param {string} action
     * @param {Xrm.FormContext} form
     * @param {any} list
     * @param {string[]} ids
     */
    onAccount: async function (action, form, list, ids) {
      const preset = ids && ids.length ? { preset: ids.map(bare) } : {};
      await open(action, Object.assign({ id: bare(form.data.entity.getId()) }, preset));
      await renewList(form, list);
    },

    /** Enable rule: a list on a billing account's form. @param {any} around */
    isOnAccount: isOnAccount,

    /** Enable rule: such a list that is not that of its credits (E13, E175). @param {any} around @param {any} list */
    takesDebits: function (around, list) {
      return isOnAccount(around) && nameOf(list) !== "subgrid_credits";
    },

    /** Enable rule: such a list that is not that of its debits (E73). @param {any} around @param {any} list */
    takesCredits: function (around, list) {
      return isOnAccount(around) && nameOf(list) !== "subgrid_debits";
    },

    /** Enable rule: such a list that does not only show what came through the gateway. @param {any} around @param {any} list */
    takesPayments: function (around, list) {
      return isOnAccount(around) && nameOf(list) !== "subgrid_cardpayments";
    },

    /**
     * Enable rule of Open: a closed invoice, also one that the ledger has not touched (E111).
     * @param {any} around @param {any} list @param {string[]} ids
     */
    isClosed: function (around, list, ids) {
      return stateOfInvoice(around, list, ids).then((state) => state === LEDGER_STATE.closed, no);
    },

    /** Enable rule of Close (E48). @param {any} around @param {any} list @param {string[]} ids */
    isOpen: function (around, list, ids) {
      return stateOfInvoice(around, list, ids).then((state) => state === LEDGER_STATE.open, no);
    },

    /** Enable rule of Void: not what is void already. @param {any} around @param {any} list @param {string[]} ids */
    isNotVoid: function (around, list, ids) {
      return stateOfInvoice(around, list, ids).then(
        (state) => state === LEDGER_STATE.open || state === LEDGER_STATE.closed,
        no,
      );
    },

    /** Enable rule: money that came in, not a refund or a reversal. @param {any} around @param {any} list @param {string[]} ids */
    isReceived: function (around, list, ids) {
      return read("cfl_payment", subject(around, list, ids), "cfl_amount").then((row) => row.cfl_amount > 0, no);
    },

    /** Enable rule: a list on an account's form. @param {any} around */
    isOnCustomer: function (around) {
      return Boolean(around && around.data && around.data.entity) && around.data.entity.getEntityName() === "account";
    },

    /** Enable rule: not the default yet, and in use or waited for. @param {any} around @param {any} list @param {string[]} ids */
    canBeDefault: function (around, list, ids) {
      return stateOfProfile(around, list, ids).then((row) => row.statecode === 0 && row.cfl_isdefault !== true, no);
    },

    /** Enable rule: not deactivated already. @param {any} around @param {any} list @param {string[]} ids */
    canBeDeactivated: function (around, list, ids) {
      return stateOfProfile(around, list, ids).then((row) => row.statuscode !== DEACTIVATED, no);
    },

    /** Enable rule: a credit can be disbursed and saved, a debit cannot. @param {any} around @param {any} list @param {string[]} ids */
    isCredit: function (around, list, ids) {
      const id = subject(around, list, ids);
      return read("cfl_accounttransaction", id, "cfl_kind").then((row) => row.cfl_kind === KIND_CREDIT, no);
    },

    /** Enable rule: a payment link that nobody has paid on, nor anybody withdrawn. @param {any} form */
    isOpenLink: function (form) {
      const columns = "statecode,statuscode,cfl_stage,cfl_linkexpireson";
      return read("cfl_paymenttransaction", subject(form, null, []), columns).then(
        (row) => Boolean(row.cfl_linkexpireson) && row.statecode === 0 && row.statuscode === PENDING && row.cfl_stage === CHOICE,
        no,
      );
    },

    /** Enable rule: a run that is planned to its end, or paused. @param {any} form */
    isStartable: function (form) {
      return runOf(form).then((row) => Boolean(row.cfl_plannedon) && STARTABLE.includes(row.cfl_status), no);
    },

    /** Enable rule. @param {any} form */
    isPausable: function (form) {
      return runOf(form).then((row) => row.cfl_status === RUN.running, no);
    },

    /** Enable rule: a run that has not ended. @param {any} form */
    isCancellable: function (form) {
      return runOf(form).then((row) => row.cfl_status === RUN.running || STARTABLE.includes(row.cfl_status), no);
    },
  };

  // --- Opening ----------------------------------------------------------------------------------------------

  /** @param {string} action @param {Record<string, any>} about */
  async function open(action, about) {
    const data = root.Counterfoil.Handover.put(Object.assign({ action: action }, about));
    const history = action === HISTORY;
    await Xrm.Navigation.navigateTo(
      { pageType: "webresource", webresourceName: history ? "cfl_/usage.html" : "cfl_/action.html", data: data },
      {
        target: 2,
        position: 1,
        width: history ? { value: 90, unit: "%" } : { value: WIDE.includes(action) ? 680 : 560, unit: "px" },
        height: history ? { value: 90, unit: "%" } : { value: 680, unit: "px" },
        title: text(history ? HISTORY : "billing"),
      },
    );
    root.Counterfoil.Handover.forget(data);
  }

  /** Opens the record that the dialog made, if it made one. */
  async function openMade() {
    const made = root.Counterfoil.Handover.left();
    if (made) await Xrm.Navigation.openForm({ entityName: made.table, entityId: made.id });
    return made !== null;
  }

  /** The platform may have ended its promise at opening: reading anew is harmless then. @param {Xrm.FormContext} form */
  async function renewForm(form) {
    await form.data.refresh(false);
    const controls = form.ui.controls ? form.ui.controls.get() : [];
    controls.forEach((control) => {
      if (control.getControlType() === "subgrid") /** @type {any} */ (control).refresh();
    });
    form.ui.refreshRibbon(true);
  }

  /** @param {any} around @param {any} list */
  async function renewList(around, list) {
    if (around && around.data && around.data.entity) await renewForm(around);
    else list.refresh();
  }

  // --- What is known of a list ------------------------------------------------------------------------------

  /**
   * One that the ledger has not touched is closed; one that was canceled without it is void.
   * @param {any} around @param {any} list @param {string[]} ids @returns {Promise<number>}
   */
  function stateOfInvoice(around, list, ids) {
    return read("invoice", subject(around, list, ids), "cfl_ledgerstate,statecode").then((row) => {
      if (row.statecode === CANCELED) return LEDGER_STATE.void;
      return row.cfl_ledgerstate || LEDGER_STATE.closed;
    });
  }

  /** @param {any} around @param {any} list @param {string[]} ids @returns {Promise<any>} */
  function stateOfProfile(around, list, ids) {
    return read("cfl_paymentprofile", subject(around, list, ids), "statecode,statuscode,cfl_isdefault");
  }

  /** The rules of one command bar ask at once about one row: it is read once for all of them. @param {string} table @param {string} id @param {string} columns @returns {Promise<any>} */
  function read(table, id, columns) {
    const asked = table + id + columns;
    if (lately.asked !== asked || Date.now() - lately.at > SAME_MOMENT) {
      const answer = Promise.resolve(Xrm.WebApi.retrieveRecord(table, id, "?$select=" + columns));
      lately = { asked: asked, at: Date.now(), answer: answer };
    }
    return lately.answer;
  }

  /** @param {any} form */
  function runOf(form) {
    return read("cfl_chargerun", subject(form, null, []), "cfl_status,cfl_plannedon");
  }

  /** The one ticked row, or the record of the form. @param {any} around @param {any} list @param {string[]} ids */
  function subject(around, list, ids) {
    return list ? bare((ids || [])[0]) : bare(around.data.entity.getId());
  }

  /** @param {any} around */
  function isOnAccount(around) {
    return Boolean(around && around.data && around.data.entity) && around.data.entity.getEntityName() === "cfl_billingaccount";
  }

  /** The name of the list's control in the form's XML. @param {any} list */
  function nameOf(list) {
    return list && list.getName ? list.getName() : "";
  }

  function no() {
    return false;
  }

  /** @param {string | undefined} id */
  function bare(id) {
    return (id || "").replace(/[{}]/g, "").toLowerCase();
  }

  /** In the user's language where the texts came along as the dependency they are declared to be. @param {string} key */
  function text(key) {
    const strings = root.Counterfoil.Strings;
    if (!strings) return "";
    const settings = Xrm.Utility.getGlobalContext().userSettings;
    return strings.texts[settings.languageId === 1031 ? "de" : "en"][key];
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Commands = Commands;
})(/** @type {any} */ (window));
