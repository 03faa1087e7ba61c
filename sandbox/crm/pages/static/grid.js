/* Lists: rows are picked, columns filtered, pages turned; each list is a GridControl for the scripts of the solution. */
(function () {
  "use strict";

  const Sandbox = window.Sandbox;
  const FILTER = "f.";

  /** One list on the page. It stays the same object while its rows are renewed. */
  class GridControl {
    constructor(id) {
      this.id = id;
      this.rows = [];
      this.bar = null;
      this.loaded = new Set();
      this.address = "";
    }

    // what the client API documents

    getName() { return this.id; }
    getControlType() { return "subgrid"; }
    getEntityName() { return this.data.table; }
    getGridType() { return this.data.type; }
    getRelationship() { return { name: this.data.relationship, roleType: 1, relationshipType: 0, navigationPropertyName: this.data.relationship }; }
    getUrl() { return window.location.origin + this.data.address; }
    /** The query of what is on show: view, parent, filters, search and order; not the page. */
    getFetchXml() { return this.data.fetchXml; }
    getViewSelector() { return { getCurrentView: () => ({ id: "{" + this.data.view.id.toUpperCase() + "}", name: this.data.view.name, entityType: "savedquery" }), isVisible: () => false }; }
    getGrid() {
      return {
        getRows: () => collection(this.rows.map((row) => this.asRow(row))),
        getSelectedRows: () => collection(this.picked().map((row) => this.asRow(row))),
        getTotalRecordCount: () => this.data.total,
      };
    }
    addOnLoad(listener) { this.loaded.add(listener); }
    removeOnLoad(listener) { this.loaded.delete(listener); }
    refresh() { this.load(this.address).catch(() => undefined); }
    refreshRibbon() { if (this.bar) this.bar.refresh(); }

    get typeCode() { return this.data.typeCode; }
    get data() { return this.read; }

    picked() { return this.rows.filter((row) => row.picked); }

    asRow(row) {
      const entity = {
        getId: () => "{" + row.id.toUpperCase() + "}",
        getEntityName: () => this.data.table,
        getEntityReference: () => ({ id: entity.getId(), entityType: this.data.table, name: row.name }),
        getPrimaryAttributeValue: () => row.name,
      };
      return { data: { entity: entity }, getData: () => ({ getEntity: () => entity }) };
    }

    // the page

    /** Takes its place on the page, also after the page was renewed around it: then it goes on as it stood. */
    attach(element) {
      const before = this.address;
      this.element = element;
      this.take();
      const place = { kind: this.id === "main" ? "HomepageGrid" : "SubGrid", table: this.data.table, grid: this };
      const host = this.id === "main" ? document.getElementById("commands") : element.querySelector(".grid-commands");
      this.bar = host ? new Sandbox.CommandBar(host, place) : null; // a list in a quick view has no commands
      if (this.id === "main") Sandbox.commandBar = this.bar;
      const refresh = this.id === "main" ? document.querySelector("[data-refresh-main]") : element.querySelector("[data-refresh]");
      if (refresh) refresh.addEventListener("click", (event) => {
        event.preventDefault();
        this.refresh();
      });
      element.addEventListener("click", (event) => this.clicked(event));
      element.addEventListener("change", (event) => this.changed(event));
      if (before && before !== this.address) this.load(before).catch(() => undefined);
    }

    /** Reads what the rows on show are made of. */
    take() {
      this.read = JSON.parse(this.element.querySelector(".grid-data").textContent);
      this.address = this.data.address;
      this.rows = this.data.rows.map((row) => ({ id: row.id, name: row.name, picked: false }));
    }

    /** Asks for the list anew, at its own address. Selection is lost, as on the platform. */
    async load(address) {
      const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
      const text = await answer.text();
      const fresh = new DOMParser().parseFromString(text, "text/html");
      if (!answer.ok || !fresh.querySelector(".grid-data")) {
        Sandbox.notify("grid-" + this.id, "ERROR", fresh.body.textContent.trim() || "The list could not be read.", true);
        throw new Error("The list could not be read.");
      }
      const focused = this.place();
      this.element.querySelector(".grid-body").replaceChildren(...[...fresh.head.childNodes, ...fresh.body.childNodes].map((node) => document.adoptNode(node)));
      const nothing = this.element.querySelector("[data-nothing]");
      if (nothing) nothing.textContent = this.element.dataset.empty;
      this.take();
      if (this.id === "main") window.history.replaceState(null, "", this.address.replace("pagetype=grid", "pagetype=entitylist"));
      if (focused) this.back(focused);
      this.element.querySelector("[data-said]").textContent = this.element.querySelector("[data-count]") ? this.element.querySelector("[data-count]").textContent : "";
      this.loaded.forEach((listener) => listener({ getEventSource: () => this, getFormContext: () => Sandbox.formContext }));
      if (this.bar) await this.bar.refresh();
    }

    /** Where the keyboard is in the list, in words that outlive its rows. */
    place() {
      const focused = document.activeElement;
      if (!focused || !this.element.querySelector(".grid-body").contains(focused)) return "";
      if (focused.dataset.filter) return '[data-filter="' + focused.dataset.filter + '"]';
      const heading = focused.closest("[data-heading]");
      return heading ? '[data-heading="' + heading.dataset.heading + '"] :is(a, button)' : ".grid-scroll";
    }

    back(selector) {
      const target = this.element.querySelector(selector) || this.element.querySelector(".grid-scroll");
      if (target) target.focus();
    }

    clicked(event) {
      const go = event.target.closest("[data-go]");
      if (go) this.load(go.dataset.go).catch(() => undefined);
      const filter = event.target.closest("[data-filter]");
      if (filter) ask(this, filter);
    }

    changed(event) {
      const all = event.target.closest("[data-pick-all]");
      const boxes = [...this.element.querySelectorAll("[data-pick]")];
      if (all) boxes.forEach((box) => { box.checked = all.checked; });
      else if (!event.target.closest("[data-pick]")) return;
      boxes.forEach((box, index) => {
        this.rows[index].picked = box.checked;
        box.closest("tr").setAttribute("aria-selected", String(box.checked));
      });
      const number = this.picked().length;
      const head = this.element.querySelector("[data-pick-all]");
      head.checked = number > 0 && number === boxes.length;
      head.indeterminate = number > 0 && number < boxes.length;
      this.element.querySelector("[data-picked]").textContent = number ? " · " + number + " selected" : "";
      this.refreshRibbon();
    }

    /** Narrows the list to the rows whose column fits the text; an empty text narrows nothing. */
    filter(column, text) {
      const address = new URL(this.address, window.location.origin);
      address.searchParams.delete("page");
      if (text) address.searchParams.set(FILTER + column, text);
      else address.searchParams.delete(FILTER + column);
      return this.load(address.pathname + address.search);
    }
  }

  // the box that asks what to filter by: one for all lists, in front of everything

  let box = null;

  function ask(grid, button) {
    if (!box) box = makeBox();
    const label = button.getAttribute("aria-label");
    box.element.setAttribute("aria-label", label);
    box.label.textContent = label;
    box.hint.textContent = button.dataset.hint;
    box.input.value = button.dataset.text;
    say(button.dataset.complaint);
    box.apply = async (text) => {
      await grid.filter(button.dataset.filter, text);
      const now = grid.element.querySelector('[data-filter="' + button.dataset.filter + '"]');
      const complaint = now ? now.dataset.complaint : "";
      say(complaint);
      if (complaint) return;
      box.element.hidePopover();
      if (now) now.focus();
    };
    box.element.showPopover();
    const at = button.getBoundingClientRect();
    box.element.style.left = Math.max(8, Math.min(at.left, window.innerWidth - box.element.offsetWidth - 8)) + "px";
    box.element.style.top = Math.max(8, Math.min(at.bottom + 4, window.innerHeight - box.element.offsetHeight - 8)) + "px";
    box.input.focus();
    box.input.select();
  }

  function say(complaint) {
    box.error.textContent = complaint || "";
    if (complaint) box.input.setAttribute("aria-invalid", "true");
    else box.input.removeAttribute("aria-invalid");
  }

  function makeBox() {
    const element = document.createElement("div");
    const form = document.createElement("form");
    element.className = "sheet filter-box";
    element.setAttribute("popover", "auto");
    element.setAttribute("role", "dialog");
    const made = { element: element, apply: () => undefined };
    made.label = part("label", "filter-label");
    made.label.htmlFor = "filter-text";
    made.input = part("input", "filter-text");
    made.input.type = "text";
    made.input.autocomplete = "off";
    made.input.setAttribute("aria-describedby", "filter-hint filter-error");
    made.hint = part("p", "filter-hint");
    made.error = part("p", "filter-error");
    made.error.className = "field-error";
    made.error.setAttribute("role", "alert");
    const foot = document.createElement("div");
    foot.className = "dialog-foot";
    const apply = part("button", "filter-apply");
    apply.className = "primary";
    apply.textContent = "Apply";
    const clear = part("button", "filter-clear");
    clear.type = "button";
    clear.textContent = "Clear";
    clear.addEventListener("click", () => made.apply("").catch(() => undefined));
    foot.append(apply, clear);
    form.append(made.label, made.input, made.hint, made.error, foot);
    element.append(form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      made.apply(made.input.value.trim()).catch(() => undefined);
    });
    document.getElementById("main").append(element);
    return made;
  }

  function part(tag, id) {
    const element = document.createElement(tag);
    element.id = id;
    return element;
  }

  function collection(items) {
    return { get: (which) => (which === undefined ? items : items[which] || null), forEach: (each) => items.forEach(each), getLength: () => items.length };
  }

  /** Gives every list inside an element its control; one that was there before goes on as it stood. */
  Sandbox.wireGrids = function (inside) {
    const here = new Set();
    inside.querySelectorAll("[data-grid]").forEach((element) => {
      const id = element.dataset.grid;
      here.add(id);
      if (!Sandbox.grids.has(id)) Sandbox.grids.set(id, new GridControl(id));
      Sandbox.grids.get(id).attach(element);
    });
    [...Sandbox.grids.keys()].forEach((id) => { if (!here.has(id)) Sandbox.grids.delete(id); });
  };
})();
