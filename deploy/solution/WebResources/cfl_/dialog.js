// @ts-check
/* A dialog as the platform opens and closes it, and the user in front of it. */
(function (root) {
  "use strict";

  const { Handover, Locale, Page, WebApi } = root.Counterfoil;

  const Dialog = {
    /** What whoever opened the dialog handed over. @returns {Record<string, any>} */
    opened: function () {
      return Handover.take(new URLSearchParams(location.search));
    },

    /** An id and nothing else, since it becomes part of an address. @param {any} value @returns {string} */
    id: function (value) {
      return String(value || "")
        .replace(/[^0-9a-fA-F-]/g, "")
        .toLowerCase();
    },

    /** What the platform says of the user without being asked, where it does. */
    user: function () {
      const context = root.GetGlobalContext ? root.GetGlobalContext() : {};
      const settings = context.userSettings || {};
      const id = settings.userId || (context.getUserId ? context.getUserId() : "");
      return { id: Dialog.id(id), uilanguageid: settings.languageId || 0, localeid: 0 };
    },

    /** How the user reads and writes, and who that is; a language of 0 is the organization's, which the platform has told. */
    reader: async function () {
      const known = Dialog.user();
      if (!known.id) {
        const me = await WebApi.read("WhoAmI");
        known.id = me.status === 200 ? me.body.UserId : "";
      }
      if (!known.id) return { id: "", locale: Locale.of(known, navigator.language) };
      const columns = "decimalsymbol,numberseparator,numbergroupformat,localeid,uilanguageid";
      const row = await WebApi.read("usersettingscollection(" + known.id + ")?$select=" + columns);
      const own = row.status === 200 ? row.body : known;
      const settings = Object.assign({}, own, { uilanguageid: own.uilanguageid || known.uilanguageid });
      return { id: known.id, locale: Locale.of(settings, navigator.language) };
    },

    /** Whether a user holds a privilege. Only a courtesy: the service looks again. @param {string} user @param {string} privilege */
    holds: async function (user, privilege) {
      const path =
        "systemusers(" + user + ")/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='" + privilege + "')";
      const answer = await WebApi.read(path);
      return answer.status === 200 && (answer.body.RolePrivileges || []).length > 0;
    },

    /** To another page in the same window. @param {string} page @param {Record<string, any>} data */
    turnTo: function (page, data) {
      location.assign(page + "?data=" + Handover.put(data));
    },

    /** There is no documented way to close a dialog from inside: the window first, then the platform's own cross. */
    close: function () {
      window.close();
      setTimeout(() => {
        const cross = crossOfPlatform();
        if (cross) cross.click();
        else Page.message("info", ["closeByHand"], []);
      }, 200);
    },
  };

  /** @returns {HTMLElement | null} */
  function crossOfPlatform() {
    try {
      return window.parent.document.querySelector("button[data-id='dialogCloseIconButton']");
    } catch (foreignParent) {
      return null;
    }
  }

  root.Counterfoil.Dialog = Dialog;
})(/** @type {any} */ (window));
