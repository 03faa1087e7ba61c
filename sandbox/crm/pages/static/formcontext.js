/* The form context (PrimaryControl) of a record page. It stays the same object while the page's content is renewed. */
(function () {
  "use strict";

  const Sandbox = window.Sandbox;
  if (Sandbox.page.page !== "form") return;

  let attributes = new Map();
  readColumns();

  const collection = {
    get: (which) => (which === undefined ? [...attributes.values()] : typeof which === "number" ? [...attributes.values()][which] : attributes.get(which) || null),
    forEach: (each) => [...attributes.values()].forEach(each),
    getLength: () => attributes.size,
  };

  const entity = {
    attributes: collection,
    getId: () => (Sandbox.page.id ? "{" + Sandbox.page.id.toUpperCase() + "}" : ""),
    getEntityName: () => Sandbox.page.table,
    getEntityReference: () => ({ id: entity.getId(), entityType: Sandbox.page.table, name: Sandbox.page.name }),
    getPrimaryAttributeValue: () => Sandbox.page.name,
    getIsDirty: () => [...attributes.values()].some((attribute) => attribute.getIsDirty()),
    isValid: () => [...attributes.values()].every((attribute) => attribute.isValid()),
    save: () => save(),
  };

  /** Every control of the form: those of its columns and its sub-grids. */
  const controls = {
    get: (which) => {
      const all = [...[...attributes.values()].map((attribute) => attribute.controls.get(0)), ...Sandbox.grids.values()];
      if (which === undefined) return all;
      if (typeof which === "function") return all.filter((control, index) => which(control, index));
      return typeof which === "number" ? all[which] || null : formContext.getControl(which);
    },
    forEach: (act) => controls.get().forEach((control, index) => act(control, index)),
    getLength: () => controls.get().length,
  };

  const formContext = {
    data: {
      attributes: collection,
      entity: entity,
      getIsDirty: entity.getIsDirty,
      isValid: entity.isValid,
      save: () => save(),
      refresh: async (first) => {
        if (first) await save();
        await renew();
      },
    },
    ui: {
      controls: controls,
      getFormType: () => Sandbox.page.formType,
      getViewPortWidth: () => window.innerWidth,
      getViewPortHeight: () => window.innerHeight,
      refreshRibbon: () => Sandbox.refreshCommands(),
      setFormNotification: (message, level, id) => {
        Sandbox.notify("form-" + id, level, message, false);
        return true;
      },
      clearFormNotification: (id) => {
        Sandbox.unnotify("form-" + id);
        return true;
      },
      close: () => window.history.back(),
      formSelector: { getCurrentItem: () => ({ getLabel: () => Sandbox.page.formName }) },
    },
    getAttribute: (which) => collection.get(which),
    getControl: (which) => {
      const attribute = attributes.get(which);
      return attribute ? attribute.controls.get(0) : Sandbox.grids.get(which) || null;
    },
  };
  Sandbox.formContext = formContext;

  function readColumns() {
    attributes = new Map(Sandbox.page.columns.map((described) => [described.name, new Sandbox.Attribute(described)]));
  }

  /** Sends what was changed; a new record gets its own address. Rejects with the refusal, which is shown too. */
  async function save() {
    Sandbox.unnotify("save");
    attributes.forEach((attribute) => {
      const input = attribute.input();
      if (!input || input.hasAttribute("data-lookup")) return;
      const complaint = attribute.take(input.value.trim());
      Sandbox.complain(attribute.getName(), complaint || (attribute.isValid() ? "" : "Fill in this field."));
    });
    const wrong = document.querySelector('#record [aria-invalid="true"]');
    if (wrong) {
      wrong.focus();
      throw new Error("Some fields need another value.");
    }
    const dirty = [...attributes.values()].filter((attribute) => attribute.described.editable && attribute.getIsDirty());
    const body = Object.fromEntries(dirty.map((attribute) => attribute.forSaving()));
    try {
      if (!Sandbox.page.id) {
        const made = await Sandbox.WebApi.createRecord(Sandbox.page.table, body);
        window.location.assign("/main.aspx?pagetype=entityrecord&etn=" + Sandbox.page.table + "&id=" + made.id);
        return;
      }
      if (dirty.length) {
        await Sandbox.WebApi.updateRecord(Sandbox.page.table, Sandbox.page.id, body);
        await renew();
      }
    } catch (refusal) {
      Sandbox.notify("save", "ERROR", refusal.message, true);
      throw refusal;
    }
  }

  /** Takes the record's content anew from the server, keeping the chosen tab and the place on the page. */
  async function renew() {
    const answer = await fetch(window.location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const content = fresh.getElementById("record");
    const data = fresh.getElementById("page-data");
    if (!content || !data) return;
    const tab = document.querySelector('#record [role="tab"][aria-selected="true"]');
    Object.assign(Sandbox.page, JSON.parse(data.textContent));
    document.getElementById("record").replaceWith(document.adoptNode(content));
    readColumns();
    Sandbox.wireRecord(tab ? tab.id : "");
  }
})();
