/* The command bar: built from the RibbonDiffXml that ships, its rules evaluated as the client does. */
(function () {
  "use strict";

  const Sandbox = window.Sandbox;
  const page = Sandbox.page;
  const DEPTHS = { Basic: 1, Local: 2, Deep: 3, Global: 4 };
  const FORM_STATES = { Create: 1, Existing: 2, ReadOnly: 3, Disabled: 4, BulkEdit: 6 };
  const PATIENCE = 10000; // the platform takes a promise that is not kept by then for "no"

  class CommandBar {
    constructor(host, ribbon) {
      this.host = host;
      this.ribbon = ribbon;
      this.shown = [];
      this.round = 0;
    }

    /** Puts the solution's controls behind the platform's own. */
    build() {
      const place = page.page === "form" ? "Mscrm.Form." + page.table + ".MainTab." : "Mscrm.HomepageGrid." + page.table + ".";
      const actions = [...this.ribbon.querySelectorAll("CustomActions > CustomAction")].filter((action) => (action.getAttribute("Location") || "").startsWith(place));
      bySequence(actions).forEach((action) => {
        const control = action.querySelector("CommandUIDefinition > *");
        const made = control && this.make(control, false);
        if (made) this.host.append(made.element);
      });
    }

    make(control, inMenu) {
      if (control.tagName === "Button") return this.makeButton(control, inMenu);
      if (control.tagName === "FlyoutAnchor" || control.tagName === "SplitButton") return this.makeFlyout(control);
      return null;
    }

    makeButton(control, inMenu) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = inMenu ? "entry" : "command";
      if (inMenu) button.setAttribute("role", "menuitem");
      this.label(button, control);
      const element = inMenu ? wrapped(button) : button;
      element.hidden = true;
      button.addEventListener("click", () => this.run(control.getAttribute("Command")));
      const made = { element: element, command: control.getAttribute("Command"), children: null };
      this.shown.push(made);
      return made;
    }

    makeFlyout(control) {
      const element = document.createElement("div");
      element.className = "flyout";
      element.hidden = true;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "command";
      button.setAttribute("aria-haspopup", "menu");
      button.setAttribute("aria-expanded", "false");
      this.label(button, control);
      const arrow = document.createElement("span");
      arrow.textContent = "▾";
      arrow.setAttribute("aria-hidden", "true");
      button.append(arrow);
      const menu = document.createElement("ul");
      menu.className = "sheet";
      menu.setAttribute("role", "menu");
      menu.setAttribute("aria-label", this.text(control.getAttribute("LabelText")));
      menu.hidden = true;
      const children = bySequence([...control.querySelectorAll("MenuSection")])
        .flatMap((section) => bySequence([...section.querySelectorAll("Controls > *")]))
        .map((child) => this.make(child, true))
        .filter(Boolean);
      menu.append(...children.map((child) => child.element));
      element.append(button, menu);
      wireMenu(button, menu);
      const made = { element: element, command: control.getAttribute("Command"), children: children };
      this.shown.push(made);
      return made;
    }

    label(button, control) {
      const image = (control.getAttribute("ModernImage") || "").replace(/^\$webresource:/, "");
      if (image) {
        const icon = document.createElement("img");
        icon.src = "/WebResources/" + image;
        icon.alt = "";
        button.append(icon);
      }
      const text = document.createElement("span");
      text.textContent = this.text(control.getAttribute("LabelText"));
      button.append(text);
      const tip = this.text(control.getAttribute("ToolTipDescription"));
      if (tip) button.title = tip;
    }

    text(value) {
      const name = /^\$LocLabels:(.*)$/.exec(value || "");
      if (!name) return value || "";
      const language = window.GetGlobalContext().userSettings.languageId;
      const titles = [...this.ribbon.querySelectorAll('LocLabel[Id="' + name[1] + '"] Title')];
      const title = titles.find((each) => each.getAttribute("languagecode") === String(language)) || titles[0];
      return title ? title.getAttribute("description") : value;
    }

    /** Asks every rule again. Controls keep their place and their focus; only whether they show changes. */
    async refresh() {
      const round = ++this.round;
      const allowed = new Map(await Promise.all([...new Set(this.shown.map((each) => each.command))].map(async (command) => [command, await this.allows(command)])));
      if (round !== this.round) return;
      const focused = document.activeElement;
      this.shown.forEach((each) => {
        if (!each.children) each.element.hidden = !allowed.get(each.command);
      });
      this.shown.forEach((each) => {
        if (each.children) each.element.hidden = !allowed.get(each.command) || each.children.every((child) => child.element.hidden);
      });
      if (this.host.contains(focused) && focused.offsetParent === null) Sandbox.focusOn(null);
    }

    async allows(id) {
      const command = this.find("CommandDefinition", id);
      if (!command) return false;
      const rules = [
        ...[...command.querySelectorAll("DisplayRules > DisplayRule")].map((rule) => this.defined("DisplayRules", "DisplayRule", rule)),
        ...[...command.querySelectorAll("EnableRules > EnableRule")].map((rule) => this.defined("EnableRules", "EnableRule", rule)),
      ];
      const answers = await Promise.all(rules.map((rule) => (rule ? this.all([...rule.children]) : false)));
      return answers.every(Boolean);
    }

    find(tag, id) {
      return [...this.ribbon.querySelectorAll(tag)].find((each) => each.getAttribute("Id") === id) || null;
    }

    defined(group, tag, reference) {
      return [...this.ribbon.querySelectorAll("RuleDefinitions > " + group + " > " + tag)].find((each) => each.getAttribute("Id") === reference.getAttribute("Id")) || null;
    }

    async all(steps) {
      return (await Promise.all(steps.map((step) => this.holds(step)))).every(Boolean);
    }

    async holds(rule) {
      const inverted = rule.getAttribute("InvertResult") === "true";
      const answer = await this.evaluate(rule);
      return inverted ? !answer : answer;
    }

    async evaluate(rule) {
      const form = Sandbox.formContext;
      switch (rule.tagName) {
        case "FormStateRule":
          return Boolean(form) && form.ui.getFormType() === FORM_STATES[rule.getAttribute("State")];
        case "EntityPrivilegeRule": {
          const held = page.privileges[rule.getAttribute("PrivilegeType") + " " + rule.getAttribute("EntityName")] || 0;
          return held >= (DEPTHS[rule.getAttribute("PrivilegeDepth")] || 1);
        }
        case "ValueRule": {
          const attribute = form && form.getAttribute(rule.getAttribute("Field"));
          return Boolean(attribute) && String(attribute.getValue()) === rule.getAttribute("Value");
        }
        case "OrRule":
          return (await Promise.all([...rule.querySelectorAll(":scope > Or")].map((or) => this.all([...or.children])))).some(Boolean);
        case "CustomRule":
          return this.custom(rule);
        default:
          console.warn("The sandbox does not know the rule " + rule.tagName + " and takes it for false.");
          return false;
      }
    }

    async custom(rule) {
      try {
        const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE, false));
        return Boolean(await Promise.race([this.call(rule), patience]));
      } catch (error) {
        console.error(error);
        return false;
      }
    }

    async run(id) {
      const command = this.find("CommandDefinition", id);
      try {
        for (const action of command ? command.querySelectorAll("Actions > JavaScriptFunction") : []) await this.call(action);
      } catch (error) {
        console.error(error);
        Sandbox.Dialogs.alert({ text: error.message }, "Script error");
      }
    }

    async call(element) {
      const library = (element.getAttribute("Library") || "").replace(/^\$webresource:/, "");
      for (const name of page.libraries[library] || [library]) await load(name);
      const path = element.getAttribute("FunctionName").split(".");
      const owner = path.slice(0, -1).reduce((value, name) => (value ? value[name] : undefined), window);
      const called = owner && owner[path[path.length - 1]];
      if (typeof called !== "function") throw new Error(library + " has no function " + element.getAttribute("FunctionName") + ".");
      return called.apply(owner, [...element.children].map((parameter) => argument(parameter)));
    }
  }

  function argument(parameter) {
    const value = parameter.getAttribute("Value");
    if (parameter.tagName === "IntParameter") return Number(value);
    if (parameter.tagName === "BoolParameter") return value === "true";
    if (parameter.tagName !== "CrmParameter") return value;
    switch (value) {
      case "PrimaryControl": return Sandbox.formContext || null;
      case "PrimaryEntityTypeName": return page.table;
      case "FirstPrimaryItemId": return page.id ? "{" + page.id.toUpperCase() + "}" : "";
      case "PrimaryItemIds": return page.id ? ["{" + page.id.toUpperCase() + "}"] : [];
      case "UserLcid": return window.GetGlobalContext().getUserLcid();
      default: return null;
    }
  }

  const loading = new Map();

  /** Libraries are classic scripts, each loaded once. */
  function load(name) {
    if (!loading.has(name)) {
      loading.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = "/WebResources/" + name;
        script.addEventListener("load", resolve);
        script.addEventListener("error", () => reject(new Error("The web resource " + name + " could not be loaded.")));
        document.head.append(script);
      }));
    }
    return loading.get(name);
  }

  /** A menu button as people expect it from the keyboard. */
  function wireMenu(button, menu) {
    const items = () => [...menu.querySelectorAll('[role="menuitem"]')].filter((item) => !item.closest("li").hidden);
    const open = (index) => {
      menu.hidden = false;
      button.setAttribute("aria-expanded", "true");
      const usable = items();
      if (usable.length) usable[(index + usable.length) % usable.length].focus();
    };
    const close = (back) => {
      if (menu.hidden) return;
      menu.hidden = true;
      button.setAttribute("aria-expanded", "false");
      if (back) button.focus();
    };
    button.addEventListener("click", () => (menu.hidden ? open(0) : close(true)));
    button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      open(event.key === "ArrowDown" ? 0 : -1);
    });
    menu.addEventListener("keydown", (event) => {
      const usable = items();
      const at = usable.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        usable[(to + usable.length) % usable.length].focus();
      } else if (event.key === "Escape") close(true);
      else if (event.key === "Tab") close(false);
    });
    menu.addEventListener("click", () => close(true), true);
    document.addEventListener("click", (event) => {
      if (!button.parentElement.contains(event.target)) close(false);
    });
  }

  function wrapped(button) {
    const item = document.createElement("li");
    item.setAttribute("role", "none");
    item.append(button);
    return item;
  }

  function bySequence(elements) {
    return elements.sort((one, other) => Number(one.getAttribute("Sequence") || 0) - Number(other.getAttribute("Sequence") || 0));
  }

  const host = document.getElementById("commands");
  if (host && page.ribbon) {
    Sandbox.commandBar = new CommandBar(host, new DOMParser().parseFromString(page.ribbon, "text/xml"));
    Sandbox.commandBar.build();
  }
})();
