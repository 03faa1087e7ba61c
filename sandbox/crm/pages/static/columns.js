/* The columns of a form as the client API knows them: attributes with values, and controls that show them. */
(function () {
  "use strict";

  window.Sandbox.Attribute = class Attribute {
    constructor(described) {
      this.described = described;
      this.listeners = new Set();
      this.value = fromJson(described);
      this.saved = described.given ? "" : comparable(this.value); // what a new record starts with is still to be saved
    }

    getName() { return this.described.name; }
    getAttributeType() { return this.described.type; }
    getFormat() { return this.described.format || null; }
    getValue() { return this.value; }
    getText() { return this.described.type === "optionset" ? this.described.text : undefined; }
    getRequiredLevel() { return this.described.required ? "required" : "none"; }
    getSubmitMode() { return "dirty"; }
    getIsDirty() { return comparable(this.value) !== this.saved; }
    isValid() { return this.getRequiredLevel() === "none" || (this.value !== null && this.value !== ""); }
    addOnChange(listener) { this.listeners.add(listener); }
    removeOnChange(listener) { this.listeners.delete(listener); }
    fireOnChange() { this.listeners.forEach((listener) => listener({ getEventSource: () => this, getFormContext: () => window.Sandbox.formContext })); }

    setValue(value) {
      this.value = value === undefined ? null : value;
      const input = this.input();
      if (input) input.value = typed(this);
    }

    get controls() {
      const control = new Control(this);
      return { get: (which) => (which === undefined ? [control] : control), forEach: (each) => each(control, 0), getLength: () => 1 };
    }

    input() {
      return document.querySelector('[data-column="' + this.described.name + '"]');
    }

    /** Takes over what a person is typing. Returns a sentence when it cannot be read. */
    take(text) {
      const complaint = this.read(text);
      if (complaint) this.value = null;
      return complaint;
    }

    read(text) {
      const kind = this.described.type;
      if (text === "") this.value = null;
      else if (kind === "integer" || kind === "money" || kind === "decimal" || kind === "double") {
        const pattern = kind === "integer" ? /^-?\d+$/ : /^-?\d+(\.\d+)?$/;
        const plain = text.replace(/,(?=\d{3}(\D|$))/g, "");
        if (!pattern.test(plain)) return kind === "integer" ? "Enter a whole number." : "Enter a number such as 1250.00.";
        this.value = Number(plain);
      } else if (kind === "optionset") this.value = Number(text);
      else if (kind === "boolean") this.value = text === "true";
      else if (kind === "datetime") this.value = new Date(this.described.format === "date" ? text + "T00:00:00" : text + "Z");
      else this.value = text;
      return "";
    }

    /** The member of a PATCH or POST that saves this column. */
    forSaving() {
      const { name, type, format, targets } = this.described;
      if (type === "lookup") {
        if (!this.value || !this.value.length) return [targets[0].bind + "@odata.bind", null];
        const chosen = this.value[0];
        const target = targets.find((each) => each.table === chosen.entityType);
        return [target.bind + "@odata.bind", "/" + target.set + "(" + chosen.id.replace(/[{}]/g, "").toLowerCase() + ")"];
      }
      if (type === "datetime" && this.value) return [name, format === "date" ? isoDate(this.value) : this.value.toISOString()];
      return [name, this.value];
    }
  };

  class Control {
    constructor(attribute) { this.attribute = attribute; }
    getControlType() { return "standard"; }
    getName() { return this.attribute.getName(); }
    getAttribute() { return this.attribute; }
    getDisabled() { return !this.attribute.input(); }
    getVisible() { return true; }
    getLabel() { const label = document.querySelector('label[for="' + this.getName() + '"]'); return label ? label.textContent : this.getName(); }
    setFocus() { const input = this.attribute.input(); if (input) input.focus(); }
    setNotification(text) { return window.Sandbox.complain(this.getName(), text); }
    clearNotification() { return window.Sandbox.complain(this.getName(), ""); }
  }

  /** Says beside a field what is wrong with it. */
  window.Sandbox.complain = function (name, text) {
    const input = document.querySelector('[data-column="' + name + '"]');
    const place = input && document.getElementById("error-" + input.id);
    if (!place) return false;
    place.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    return true;
  };

  function fromJson(described) {
    if (described.value === null) return null;
    if (described.type === "datetime") return new Date(described.format === "date" ? described.value + "T00:00:00" : described.value);
    return described.value;
  }

  function typed(attribute) {
    const { type, format } = attribute.described;
    if (attribute.value === null) return "";
    if (type === "lookup") return attribute.value.length ? attribute.value[0].name : "";
    if (type === "datetime") return format === "date" ? isoDate(attribute.value) : attribute.value.toISOString().slice(0, 16);
    return String(attribute.value);
  }

  function comparable(value) {
    if (Array.isArray(value)) return value.map((each) => each.entityType + each.id.replace(/[{}]/g, "").toLowerCase()).join();
    return value instanceof Date ? value.toISOString() : JSON.stringify(value);
  }

  function isoDate(value) {
    const two = (number) => String(number).padStart(2, "0");
    return value.getFullYear() + "-" + two(value.getMonth() + 1) + "-" + two(value.getDate());
  }
})();
