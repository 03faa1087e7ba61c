/* Dialogs over a page: web resources in a frame, and short questions. Focus goes back to where it came from. */
(function () {
  "use strict";

  const CENTER = 1, SIDE = 2, DIALOG = 2;

  window.Sandbox.Dialogs = {
    /** Xrm.Navigation.navigateTo: resolves once the dialog is closed, in whatever way. */
    navigateTo: function (input, options) {
      const wish = options || {};
      if (input.pageType === "webresource") {
        const address = "/WebResources/" + input.webresourceName + (input.data ? "?data=" + encodeURIComponent(input.data) : "");
        if (wish.target === DIALOG) return frame(address, wish);
        return leave(address);
      }
      const table = encodeURIComponent(input.entityName || "");
      if (input.pageType === "entityrecord") {
        const id = input.entityId ? "&id=" + encodeURIComponent(String(input.entityId).replace(/[{}]/g, "")) : "";
        return leave("/main.aspx?pagetype=entityrecord&etn=" + table + id);
      }
      if (input.pageType === "entitylist") {
        return leave("/main.aspx?pagetype=entitylist&etn=" + table + (input.viewId ? "&viewid=" + encodeURIComponent(input.viewId) : ""));
      }
      return Promise.reject(new Error("The sandbox has no page of type " + input.pageType + "."));
    },

    alert: (strings, title) => question(title || strings.title || "", strings.text, [{ label: strings.confirmButtonLabel || "OK", value: true }], "alertdialog").then(() => undefined),

    confirm: (strings) =>
      question(strings.title || "", strings.text + (strings.subtitle ? "\n" + strings.subtitle : ""), [
        { label: strings.confirmButtonLabel || "OK", value: true },
        { label: strings.cancelButtonLabel || "Cancel", value: false },
      ]).then((confirmed) => ({ confirmed: confirmed === true })),
  };

  function leave(address) {
    window.location.assign(address);
    return Promise.resolve();
  }

  function frame(address, wish) {
    return new Promise((resolve) => {
      const opener = document.activeElement;
      const dialog = document.createElement("dialog");
      dialog.className = wish.position === SIDE ? "page at-side" : "page";
      dialog.style.width = length(wish.width, 600);
      dialog.style.height = length(wish.height, 500);
      const head = document.createElement("div");
      head.className = "dialog-head";
      const title = document.createElement("h2");
      title.textContent = wish.title || "";
      const close = document.createElement("button");
      close.type = "button";
      close.textContent = "✕";
      close.setAttribute("aria-label", "Close");
      close.dataset.id = "dialogCloseIconButton";
      head.append(title, close);
      const content = document.createElement("iframe");
      content.title = wish.title || "Dialog";
      content.src = address;
      dialog.setAttribute("aria-label", wish.title || "Dialog");
      dialog.append(head, content);

      const done = () => {
        if (!dialog.isConnected) return;
        hide(dialog, opener);
        resolve();
      };
      content.addEventListener("load", () => {
        content.contentWindow.close = done;
        content.contentWindow.focus();
      });
      close.addEventListener("click", done);
      dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        done();
      });
      show(dialog);
    });
  }

  function question(title, text, buttons, role) {
    return new Promise((resolve) => {
      const opener = document.activeElement;
      const dialog = document.createElement("dialog");
      dialog.className = "question";
      if (role) dialog.setAttribute("role", role);
      dialog.setAttribute("aria-label", title || text);
      if (title) {
        const heading = document.createElement("h2");
        heading.textContent = title;
        dialog.append(heading);
      }
      const body = document.createElement("p");
      body.textContent = text;
      const foot = document.createElement("div");
      foot.className = "dialog-foot";
      const done = (value) => {
        hide(dialog, opener);
        resolve(value);
      };
      buttons.forEach((button, index) => {
        const element = document.createElement("button");
        element.type = "button";
        element.textContent = button.label;
        if (index === 0) element.className = "primary";
        element.addEventListener("click", () => done(button.value));
        foot.append(element);
      });
      dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        done(false);
      });
      dialog.append(body, foot);
      show(dialog);
    });
  }

  /** The page behind is out of reach meanwhile, for assistive technology too. */
  function show(dialog) {
    [...document.body.children].forEach((element) => element.toggleAttribute("inert", true));
    document.body.append(dialog);
    dialog.showModal();
  }

  function hide(dialog, opener) {
    dialog.close();
    dialog.remove();
    const beneath = [...document.querySelectorAll("dialog[open]")].pop();
    [...document.body.children].forEach((element) => element.toggleAttribute("inert", Boolean(beneath) && element !== beneath));
    window.Sandbox.focusOn(opener);
  }

  function length(wish, otherwise) {
    if (wish && typeof wish === "object") return wish.value + (wish.unit || "px");
    return (wish || otherwise) + "px";
  }

  /** Where a person goes on: the element that had the focus, or the record's name when it is gone. */
  window.Sandbox.focusOn = function (element) {
    const usable = element && element.isConnected && element.offsetParent !== null && element !== document.body;
    const target = usable ? element : document.getElementById("record-name") || document.getElementById("main");
    if (target) target.focus();
  };
})();
