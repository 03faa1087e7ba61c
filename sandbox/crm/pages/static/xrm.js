/* The Xrm object of a page: what scripts of the solution may call. */
(function () {
  "use strict";

  const LEVELS = { 1: "SUCCESS", 2: "ERROR", 3: "WARNING", 4: "INFO" };
  const { Dialogs, WebApi, page } = window.Sandbox;
  let numbered = 0;

  /** Shows a line above the content; `level` is ERROR, WARNING, SUCCESS or INFO. */
  function notify(id, level, text, closable, onClose) {
    unnotify(id);
    const line = document.createElement("div");
    line.className = "notification";
    line.dataset.id = id;
    line.dataset.level = level;
    line.setAttribute("role", level === "ERROR" ? "alert" : "status");
    const message = document.createElement("p");
    message.textContent = text;
    line.append(message);
    if (closable) {
      const close = document.createElement("button");
      close.type = "button";
      close.textContent = "✕";
      close.setAttribute("aria-label", "Dismiss");
      close.addEventListener("click", () => {
        line.remove();
        if (onClose) onClose();
      });
      line.append(close);
    }
    document.getElementById("notifications").append(line);
  }

  function unnotify(id) {
    document.querySelectorAll("#notifications .notification").forEach((line) => {
      if (line.dataset.id === String(id)) line.remove();
    });
  }

  function progress(text) {
    const element = document.getElementById("progress");
    element.textContent = text || "";
    element.hidden = !text;
  }

  window.Sandbox.notify = notify;
  window.Sandbox.unnotify = unnotify;

  window.Xrm = {
    WebApi: WebApi,
    Navigation: {
      navigateTo: Dialogs.navigateTo,
      openAlertDialog: (strings) => Dialogs.alert(strings),
      openConfirmDialog: (strings) => Dialogs.confirm(strings),
      openErrorDialog: (options) => Dialogs.alert({ text: options.message || "Error " + options.errorCode }, "Error"),
      openForm: (options) => Dialogs.navigateTo({ pageType: "entityrecord", entityName: options.entityName, entityId: options.entityId }),
      openUrl: (url) => window.open(url, "_blank", "noopener"),
      openWebResource: (name, options, data) => window.open("/WebResources/" + name + (data ? "?data=" + encodeURIComponent(data) : ""), "_blank", "noopener"),
    },
    Utility: {
      getGlobalContext: () => window.GetGlobalContext(),
      getResourceString: (webResource, key) => {
        const language = window.GetGlobalContext().userSettings.languageId;
        const texts = page.texts[webResource + "." + language + ".resx"] || page.texts[webResource + ".1033.resx"];
        if (!texts) throw new Error("There are no texts " + webResource + ".");
        return key in texts ? texts[key] : null;
      },
      getPageContext: () => ({ input: { pageType: page.page === "form" ? "entityrecord" : "entitylist", entityName: page.table, entityId: page.id } }),
      refreshParentGrid: (row) => window.Sandbox.grids.forEach((grid) => { if (grid.getEntityName() === row.entityType) grid.refresh(); }),
      showProgressIndicator: progress,
      closeProgressIndicator: () => progress(""),
    },
    App: {
      addGlobalNotification: (notification) => {
        const id = "global-" + ++numbered;
        notify(id, LEVELS[notification.level] || "INFO", notification.message, notification.showCloseButton);
        return Promise.resolve(id);
      },
      clearGlobalNotification: (id) => {
        unnotify(id);
        return Promise.resolve();
      },
    },
  };
})();
