/* A record page: tabs, fields, saving, and the first look at the command bar. */
(function () {
  "use strict";

  const Sandbox = window.Sandbox;

  /** Wires the content of #record, also after it was renewed; `tabId` is the tab to show again. */
  Sandbox.wireRecord = function (tabId) {
    const tabs = [...document.querySelectorAll('#record [role="tab"]')];
    const select = (tab, focus) => {
      tabs.forEach((each) => {
        each.setAttribute("aria-selected", String(each === tab));
        each.tabIndex = each === tab ? 0 : -1;
        document.getElementById(each.getAttribute("aria-controls")).hidden = each !== tab;
      });
      if (focus) tab.focus();
    };
    tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => select(tab, false));
      tab.addEventListener("keydown", (event) => {
        const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: -1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        select(tabs[(to + tabs.length) % tabs.length], true);
      });
    });
    const kept = tabs.find((tab) => tab.id === tabId);
    if (kept) select(kept, false);

    document.querySelectorAll("#record [data-column]").forEach((input) => {
      if (input.hasAttribute("data-lookup")) return Sandbox.wireLookup(input);
      const attribute = Sandbox.formContext.getAttribute(input.dataset.column);
      input.addEventListener("input", () => attribute.take(input.value.trim()));
      input.addEventListener("change", () => {
        Sandbox.complain(attribute.getName(), attribute.take(input.value.trim()));
        attribute.fireOnChange();
      });
      return undefined;
    });
    Sandbox.wireMenus(document.getElementById("record"));
    Sandbox.wireGrids(document.getElementById("record"));
  };

  async function changeState() {
    const button = document.getElementById("change-state");
    const answer = await Sandbox.Dialogs.confirm({ title: button.textContent, text: button.textContent + " this record?", confirmButtonLabel: button.textContent });
    if (!answer.confirmed) return;
    try {
      await Sandbox.WebApi.updateRecord(Sandbox.page.table, Sandbox.page.id, { statecode: Number(button.dataset.state) });
      window.location.reload();
    } catch (refusal) {
      Sandbox.notify("state", "ERROR", refusal.message, true);
    }
  }

  if (Sandbox.page.page === "form") {
    const form = Sandbox.formContext;
    const on = (id, action) => {
      const button = document.getElementById(id);
      if (button) button.addEventListener("click", () => action().catch(() => undefined));
    };
    on("save", () => form.data.save().then(() => form.ui.refreshRibbon()));
    on("save-and-close", () => form.data.save().then(() => window.location.assign("/main.aspx?pagetype=entitylist&etn=" + Sandbox.page.table)));
    on("refresh", () => form.data.refresh(false).then(() => form.ui.refreshRibbon()));
    on("change-state", changeState);
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        if (document.getElementById("save")) document.getElementById("save").click();
      }
    });
    window.addEventListener("beforeunload", (event) => {
      if (Sandbox.page.id && form.data.getIsDirty()) event.preventDefault();
    });
  }
})();
