/* The part of ClientGlobalContext.js.aspx that is the same for everybody; the server adds the call with the user's values. */
(function () {
  "use strict";

  window.Sandbox = window.Sandbox || {};

  window.Sandbox.defineGlobalContext = function (values) {
    const user = values.user;
    const roles = { getAll: () => user.roles, forEach: (each) => user.roles.forEach(each), getLength: () => user.roles.length };
    const context = {
      client: {
        getClient: () => "Web",
        getClientState: () => "Online",
        getFormFactor: () => 1,
        isOffline: () => !navigator.onLine,
        isNetworkAvailable: () => navigator.onLine,
      },
      organizationSettings: {
        organizationId: values.organization.id,
        uniqueName: values.organization.name,
        languageId: values.organization.languageId,
      },
      userSettings: {
        userId: user.userId,
        userName: user.userName,
        languageId: user.languageId,
        isRTL: user.isRTL,
        roles: roles,
        securityRoles: user.roles.map((role) => role.id),
        dateFormattingInfo: () => ({ ShortDatePattern: user.dateFormat, ShortTimePattern: user.timeFormat }),
        getTimeZoneOffsetMinutes: () => -new Date().getTimezoneOffset(),
      },
      getClientUrl: () => window.location.origin,
      getCurrentAppUrl: () => window.location.origin + "/main.aspx",
      getCurrentAppName: () => Promise.resolve(values.app.displayName),
      getCurrentAppProperties: () => Promise.resolve(values.app),
      getVersion: () => values.version,
      isOnPremises: () => false,
      prependOrgName: (path) => path,
      getQueryStringParameters: () => Object.fromEntries(new URLSearchParams(window.location.search)),
      getUserId: () => user.userId,
      getUserName: () => user.userName,
      getUserLcid: () => user.languageId,
      getUserRoles: () => user.roles.map((role) => role.id),
      getOrgUniqueName: () => values.organization.name,
      getOrgLcid: () => values.organization.languageId,
    };
    window.GetGlobalContext = () => context;
  };
})();
