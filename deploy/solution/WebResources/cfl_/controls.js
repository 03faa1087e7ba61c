// @ts-check
/* The form of an action, built from its fields: a control for each type. Holds what was entered, decides nothing. */
(function (root) {
  "use strict";

  const { Page, Suggestions } = root.Counterfoil;

  const BUILDERS = /** @type {Record<string, (field: any, s: any, changed: (name: string) => void) => HTMLElement[]>} */ ({
    money: money,
    date: date,
    text: text,
    memo: memo,
    yesno: yesno,
    choice: choice,
    pick: pick,
    lookup: lookup,
    ticks: ticks,
    one: ticks,
  });

  const Controls = {
    /**
     * Fills the form with the controls of `fields`.
     * @param {any[]} fields
     * @param {any} s
     * @param {(name: string) => void} changed told the name of a field when the user changes it
     */
    build: function (fields, s, changed) {
      const made = fields.map((field) => {
        const grouped = /^(choice|ticks|one)$/.test(field.type);
        const box = document.createElement(grouped ? "fieldset" : "div");
        box.className = "field of-" + field.type;
        box.id = field.name + "-field";
        box.append(...BUILDERS[field.type](field, s, changed));
        const hint = note(field.name + "-hint", "note");
        if (field.hint) Page.write(hint, [field.hint]);
        const error = note(field.name + "-error", "note error");
        error.setAttribute("role", "alert");
        box.append(hint, error);
        const described = Array.from(box.querySelectorAll("input, select, textarea"));
        const holders = grouped ? [box] : described;
        holders.forEach((each) => each.setAttribute("aria-describedby", hint.id + " " + error.id));
        return box;
      });
      const legend = note("required-note", "note");
      Page.write(legend, ["requiredNote"]);
      Page.form.replaceChildren(legend, ...made);
    },

    /** @param {any} field @param {boolean} shown */
    show: function (field, shown) {
      Page.element(field.name + "-field").hidden = !shown;
    },

    /** Whether the mark of a required field is on it, and whether it can only be read. @param {any} field @param {boolean} required @param {boolean} locked */
    mark: function (field, required, locked) {
      Page.element(field.name + "-mark").hidden = !required;
      const control = Page.element(field.name);
      if (/^(money|date|text|memo|pick|lookup)$/.test(field.type)) control.setAttribute("aria-required", String(required));
      if (control instanceof HTMLInputElement && field.type === "money") {
        control.dataset.locked = String(locked);
        control.readOnly = locked;
        if (field.lockedHint) Page.note(Page.element(field.name + "-hint"), locked ? [field.lockedHint] : []);
      }
    },

    /** What is in a control: text, a boolean, an id, or a list of ids; of a date also whether it could be read. @param {any} field */
    read: function (field) {
      const control = /** @type {any} */ (Page.element(field.name));
      switch (field.type) {
        case "yesno":
          return control.checked;
        case "choice":
        case "one":
          return checked(field.name).map((each) => each.value)[0] || "";
        case "ticks":
          return checked(field.name).map((each) => each.value);
        case "lookup":
          return control.dataset.chosen || "";
        default:
          return control.value;
      }
    },

    /** @param {any} field @param {any} value text as it stands in the control */
    write: function (field, value) {
      const control = /** @type {any} */ (Page.element(field.name));
      switch (field.type) {
        case "yesno":
          control.checked = value === true;
          break;
        case "choice":
        case "one":
        case "ticks":
          inputs(field.name).forEach((each) => {
            each.checked = [].concat(value).map(String).includes(each.value);
          });
          break;
        case "lookup":
          control.value = "";
          control.dataset.chosen = "";
          break;
        default:
          control.value = value;
      }
    },

    /** Anew what a list offers, keeping what is chosen where it is still there. @param {any} field @param {any[]} offers */
    offer: function (field, offers) {
      const select = /** @type {HTMLSelectElement} */ (Page.element(field.name));
      const kept = select.value;
      Page.options(select, [{ value: "", label: Page.text(["choose"]) }].concat(offers.map(option)), kept);
    },

    /** What is wrong with an entry. @param {any} field @param {string[]} line */
    complain: function (field, line) {
      const control = Page.element(field.name);
      if (/^(choice|ticks|one|yesno)$/.test(field.type)) Page.note(Page.element(field.name + "-error"), line);
      else Page.complain(control, line);
    },

    /** @param {any} field */
    focus: function (field) {
      const control = Page.element(field.name);
      const target = control instanceof HTMLUListElement ? inputs(field.name)[0] : control;
      if (!target) return;
      target.focus();
      if (field.type === "money") /** @type {HTMLInputElement} */ (target).select();
    },

    /** Under rows to tick: how many, and what they come to. @param {any} field @param {string[]} line */
    total: function (field, line) {
      Page.note(Page.element(field.name + "-total"), line);
    },

    /** Whether what stands in a date could be read. @param {any} field */
    readable: function (field) {
      const control = /** @type {HTMLInputElement} */ (Page.element(field.name));
      return !control.validity.badInput && !control.validity.rangeUnderflow && !control.validity.rangeOverflow;
    },
  };

  // --- One for each type ------------------------------------------------------------------------------------

  /** @param {any} field @param {any} s @param {(name: string) => void} changed */
  function money(field, s, changed) {
    const box = document.createElement("div");
    box.className = "money";
    const control = input(field, "text", changed);
    control.inputMode = "decimal";
    const code = document.createElement("span");
    code.setAttribute("aria-hidden", "true");
    code.textContent = s.currency ? s.currency.code : "";
    box.append(control, code);
    return [label(field), box];
  }

  /** @param {any} field @param {any} s @param {(name: string) => void} changed */
  function date(field, s, changed) {
    const control = input(field, "date", changed);
    control.min = "1900-01-01";
    control.max = "2999-12-31";
    return [label(field), control];
  }

  /** @param {any} field @param {any} s @param {(name: string) => void} changed */
  function text(field, s, changed) {
    const control = input(field, "text", changed);
    control.maxLength = 100;
    return [label(field), control];
  }

  /** @param {any} field @param {any} s @param {(name: string) => void} changed */
  function memo(field, s, changed) {
    const control = document.createElement("textarea");
    control.id = field.name;
    control.rows = 2;
    control.maxLength = 400;
    control.addEventListener("input", () => changed(field.name));
    return [label(field), control];
  }

  /** @param {any} field @param {any} s @param {(name: string) => void} changed */
  function yesno(field, s, changed) {
    const control = input(field, "checkbox", changed);
    const line = document.createElement("div");
    line.className = "tick";
    line.append(control, label(field));
    return [line];
  }

  /** @param {any} field @param {any} s @param {(name: string) => void} changed */
  function choice(field, s, changed) {
    const list = document.createElement("ul");
    list.id = field.name;
    list.className = "choices";
    list.append(
      ...field.options.map((/** @type {[number, string[]]} */ each) => {
        const item = document.createElement("li");
        const words = document.createElement("span");
        Page.write(words, each[1]);
        item.append(labelled(tickable(field, "radio", String(each[0]), changed), [words]));
        return item;
      }),
    );
    return [caption(field), list];
  }

  /** @param {any} field @param {any} s @param {(name: string) => void} changed */
  function pick(field, s, changed) {
    const control = document.createElement("select");
    control.id = field.name;
    control.addEventListener("change", () => changed(field.name));
    const made = [label(field), control];
    const offers = field.options
      ? field.options.map((/** @type {[number, string[]]} */ each) => ({ id: String(each[0]), label: Page.text(each[1]) }))
      : s.offers[field.name];
    Page.options(control, [{ value: "", label: Page.text([field.none || "choose"]) }].concat(offers.map(option)), "");
    return made;
  }

  /** @param {any} field @param {any} s @param {(name: string) => void} changed */
  function lookup(field, s, changed) {
    const control = input(field, "text", () => undefined);
    const count = note(field.name + "-count", "note");
    count.setAttribute("role", "status");
    const list = Suggestions.attach(
      control,
      (/** @type {string} */ typed) => field.find(typed, s).catch(() => []),
      (/** @type {any} */ offer) => {
        control.dataset.chosen = offer ? offer.id : "";
        s.found[field.name] = offer;
        changed(field.name);
      },
    );
    const box = document.createElement("div");
    box.className = "lookup";
    box.append(control, list);
    return [label(field), box, count];
  }

  /** Rows to tick, or one to choose. @param {any} field @param {any} s @param {(name: string) => void} changed */
  function ticks(field, s, changed) {
    const list = document.createElement("ul");
    list.id = field.name;
    list.className = "rows";
    list.append(
      ...s.offers[field.name].map((/** @type {any} */ offer) => {
        const name = document.createElement("span");
        name.className = "name";
        name.textContent = offer.label;
        const details = document.createElement("span");
        details.className = "details";
        details.textContent = offer.details || "";
        const amount = document.createElement("bdi");
        amount.className = "sum";
        amount.textContent = s.money(offer.amount);
        const item = document.createElement("li");
        const kind = field.type === "one" ? "radio" : "checkbox";
        item.append(labelled(tickable(field, kind, offer.id, changed), [name, details, amount]));
        return item;
      }),
    );
    return [caption(field), list, note(field.name + "-total", "note total")];
  }

  // --- Pieces -----------------------------------------------------------------------------------------------

  /** @param {any} field @param {string} type @param {(name: string) => void} changed */
  function input(field, type, changed) {
    const control = document.createElement("input");
    control.id = field.name;
    control.type = type;
    control.autocomplete = "off";
    control.spellcheck = false;
    control.addEventListener(type === "checkbox" ? "change" : "input", () => changed(field.name));
    return control;
  }

  /** @param {any} field @param {string} type @param {string} value @param {(name: string) => void} changed */
  function tickable(field, type, value, changed) {
    const control = document.createElement("input");
    control.type = type;
    control.name = field.name;
    control.value = value;
    control.addEventListener("change", () => changed(field.name));
    return control;
  }

  /** @param {HTMLElement} control @param {HTMLElement[]} words */
  function labelled(control, words) {
    const element = document.createElement("label");
    element.append(control, ...words);
    return element;
  }

  /** @param {any} field */
  function label(field) {
    const element = document.createElement("label");
    element.htmlFor = field.name;
    return named(element, field);
  }

  /** @param {any} field */
  function caption(field) {
    return named(document.createElement("legend"), field);
  }

  /** @template {HTMLElement} T @param {T} element @param {any} field @returns {T} */
  function named(element, field) {
    const words = document.createElement("span");
    Page.write(words, [field.label]);
    const mark = document.createElement("span");
    mark.id = field.name + "-mark";
    mark.className = "required";
    mark.textContent = "*";
    mark.setAttribute("aria-hidden", "true");
    mark.hidden = true;
    element.append(words, mark);
    return element;
  }

  /** @param {string} id @param {string} kind */
  function note(id, kind) {
    const element = document.createElement("p");
    element.id = id;
    element.className = kind;
    return element;
  }

  /** @param {any} offer */
  function option(offer) {
    return { value: offer.id, label: offer.details ? Page.text(["profileExpires", offer.label, offer.details]) : offer.label };
  }

  /** @param {string} name @returns {HTMLInputElement[]} */
  function inputs(name) {
    return Array.from(Page.element(name).querySelectorAll("input"));
  }

  /** @param {string} name */
  function checked(name) {
    return inputs(name).filter((each) => each.checked);
  }

  root.Counterfoil.Controls = Controls;
})(/** @type {any} */ (window));
