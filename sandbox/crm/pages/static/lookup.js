/* A lookup field: type a part of a name, choose a record. */
(function () {
  "use strict";

  const Sandbox = window.Sandbox;
  const FOUND_AT_MOST = 8;
  const FORMATTED = "@OData.Community.Display.V1.FormattedValue";

  Sandbox.wireLookup = function (input) {
    const attribute = Sandbox.formContext.getAttribute(input.dataset.column);
    const list = document.getElementById(input.getAttribute("aria-controls"));
    let found = [];
    let at = -1;
    let asked = 0;

    const show = (open) => {
      list.hidden = !open;
      input.setAttribute("aria-expanded", String(open));
      if (!open) input.removeAttribute("aria-activedescendant");
    };

    const mark = (index) => {
      at = index;
      [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
      if (at >= 0) input.setAttribute("aria-activedescendant", list.children[at].id);
    };

    const choose = (record) => {
      attribute.setValue([{ id: "{" + record.id.toUpperCase() + "}", name: record.name, entityType: record.table }]);
      attribute.fireOnChange();
      Sandbox.complain(attribute.getName(), "");
      show(false);
    };

    const look = async () => {
      const round = ++asked;
      const text = input.value.trim();
      const answers = await Promise.all(attribute.described.targets.filter((target) => target.name).map((target) => search(target, text)));
      if (round !== asked) return;
      found = answers.flat().slice(0, FOUND_AT_MOST);
      list.replaceChildren(...found.map((record, index) => option(record, list.id + "-" + index, choose)));
      if (!found.length) list.append(nothing());
      show(true);
      mark(found.length ? 0 : -1);
    };

    input.addEventListener("input", () => {
      attribute.value = null;
      look();
    });
    input.addEventListener("focus", () => input.select());
    input.addEventListener("blur", () => setTimeout(() => {
      show(false);
      const text = attribute.getValue() ? "" : input.value.trim();
      Sandbox.complain(attribute.getName(), text ? "Choose a record from the list." : "");
    }, 150));
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) look();
        else if (found.length) mark((at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length);
      } else if (event.key === "Enter" && !list.hidden && at >= 0) {
        event.preventDefault();
        choose(found[at]);
      } else if (event.key === "Escape") show(false);
    });
  };

  async function search(target, text) {
    const filter = text ? "&$filter=contains(" + target.name + ",'" + encodeURIComponent(text.replace(/'/g, "''")) + "')" : "";
    const options = "?$select=" + target.name + (target.more ? "," + target.more : "") + filter + "&$orderby=" + target.name + "&$top=" + FOUND_AT_MOST;
    try {
      const answer = await Sandbox.WebApi.retrieveMultipleRecords(target.table, options);
      return answer.entities.map((row) => ({ id: row[target.id], name: row[target.name] || "", table: target.table, more: row[target.more + FORMATTED] || row[target.more] || "" }));
    } catch (refused) {
      return [];
    }
  }

  function option(record, id, choose) {
    const item = document.createElement("li");
    item.id = id;
    item.className = "entry";
    item.setAttribute("role", "option");
    item.textContent = record.name;
    if (record.more) {
      const more = document.createElement("span");
      more.className = "more";
      more.textContent = record.more;
      item.append(more);
    }
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      choose(record);
    });
    return item;
  }

  function nothing() {
    const item = document.createElement("li");
    item.className = "sheet-head";
    item.setAttribute("role", "option");
    item.setAttribute("aria-disabled", "true");
    item.textContent = "Nothing found";
    return item;
  }
})();
