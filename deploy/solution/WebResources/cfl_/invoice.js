// @ts-check
/// <reference types="xrm" />
/* The invoice form's Charge command: when it shows, and what it opens. */
(function (root) {
  "use strict";

  const STATE = { closed: 1, canceled: 3 };
  const REASON = { complete: 100001, canceled: 100003 };

  const Invoice = {
    /**
     * Ribbon command: opens the dialog over a saved invoice and shows the form anew when it closes, however it closes.
     * @param {Xrm.FormContext} primaryControl
     */
    openCharge: async function (primaryControl) {
      if (primaryControl.data.entity.getIsDirty()) await primaryControl.data.save();
      await Xrm.Navigation.navigateTo(
        {
          pageType: "webresource",
          webresourceName: "cfl_/charge.html",
          data: encodeURIComponent(
            JSON.stringify({ invoiceId: idOf(primaryControl), number: valueOf(primaryControl, "invoicenumber") }),
          ),
        },
        {
          target: 2,
          position: 1,
          width: { value: 560, unit: "px" },
          height: { value: 640, unit: "px" },
          title: titleOfDialog(),
        },
      );
      await primaryControl.data.refresh(false);
      primaryControl.ui.refreshRibbon(true);
    },

    /**
     * Enable rule: hidden in Paid (Complete) and Canceled (W06, W07), shown in every other status, Paid (Partial)
     * included (W08, A3). Only a courtesy: the service looks again.
     * @param {Xrm.FormContext} primaryControl
     * @returns {boolean | Promise<boolean>}
     */
    isChargeable: function (primaryControl) {
      const id = idOf(primaryControl);
      if (id === "") return false;
      const state = valueOf(primaryControl, "statecode");
      const reason = valueOf(primaryControl, "statuscode");
      if (state !== null && reason !== null) return mayBeCharged(state, reason);
      return Promise.resolve(Xrm.WebApi.retrieveRecord("invoice", id, "?$select=statecode,statuscode")).then(
        (row) => mayBeCharged(row.statecode, row.statuscode),
        () => false,
      );
    },
  };

  /** @param {number} state @param {number} reason */
  function mayBeCharged(state, reason) {
    return (
      state !== STATE.closed && state !== STATE.canceled && reason !== REASON.complete && reason !== REASON.canceled
    );
  }

  /** @param {Xrm.FormContext} form */
  function idOf(form) {
    return (form.data.entity.getId() || "").replace(/[{}]/g, "").toLowerCase();
  }

  /** @param {Xrm.FormContext} form @param {string} name @returns {any} */
  function valueOf(form, name) {
    const attribute = form.getAttribute(name);
    return attribute ? attribute.getValue() : null;
  }

  /** In the user's language where strings.js came along as the dependency it is declared to be. */
  function titleOfDialog() {
    const strings = root.Counterfoil.Strings;
    if (!strings) return undefined;
    const settings = Xrm.Utility.getGlobalContext().userSettings;
    return strings.texts[settings.languageId === 1031 ? "de" : "en"].dialogTitle;
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Invoice = Invoice;
})(/** @type {any} */ (window));
