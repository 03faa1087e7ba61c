/* The RibbonDiffXml that ships: which commands a place offers, whether their rules allow them, and what they call. */
(function () {
  "use strict";

  const Sandbox = window.Sandbox;
  const page = Sandbox.page;
  const DEPTHS = { Basic: 1, Local: 2, Deep: 3, Global: 4 };
  const FORM_STATES = { Create: 1, Existing: 2, ReadOnly: 3, Disabled: 4, BulkEdit: 6 };
  const CONTEXTS = { Form: ["Form"], HomepageGrid: ["HomePageGrid"], SubGrid: ["SubGridStandard", "SubGridAssociated"] };
  const PATIENCE = 10000; // the platform takes a promise that is not kept by then for "no"

  /** `place` says where: kind (Form, HomepageGrid or SubGrid), table, and the grid control of a list. */
  class Ribbon {
    constructor(place) {
      this.place = place;
      this.xml = new DOMParser().parseFromString(page.ribbons[place.table] || "<RibbonDiffXml/>", "text/xml");
    }

    /** The controls that the solution adds here, in their order. */
    controls() {
      const prefix = "Mscrm." + this.place.kind + "." + this.place.table + ".";
      const actions = [...this.xml.querySelectorAll("CustomActions > CustomAction")].filter((action) => (action.getAttribute("Location") || "").startsWith(prefix + (this.place.kind === "Form" ? "MainTab." : "")));
      return Sandbox.bySequence(actions).map((action) => action.querySelector("CommandUIDefinition > *")).filter(Boolean);
    }

    text(value) {
      const name = /^\$LocLabels:(.*)$/.exec(value || "");
      if (!name) return value || "";
      const language = window.GetGlobalContext().userSettings.languageId;
      const titles = [...this.xml.querySelectorAll('LocLabel[Id="' + name[1] + '"] Title')];
      const title = titles.find((each) => each.getAttribute("languagecode") === String(language)) || titles[0];
      return title ? title.getAttribute("description") : value;
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

    /** Calls what a command calls; `control` is the Id of the button that was pressed. */
    async run(id, control) {
      const command = this.find("CommandDefinition", id);
      const pressed = { SourceControlId: control || "", CommandValueId: "", MenuItemId: "" };
      try {
        for (const action of command ? command.querySelectorAll("Actions > JavaScriptFunction") : []) await this.call(action, pressed);
      } catch (error) {
        console.error(error);
        Sandbox.Dialogs.alert({ text: error.message }, "Script error");
      }
    }

    find(tag, id) {
      return [...this.xml.querySelectorAll(tag)].find((each) => each.getAttribute("Id") === id) || null;
    }

    defined(group, tag, reference) {
      return [...this.xml.querySelectorAll("RuleDefinitions > " + group + " > " + tag)].find((each) => each.getAttribute("Id") === reference.getAttribute("Id")) || null;
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
        case "EntityPrivilegeRule":
        case "RecordPrivilegeRule":
          return this.held(rule.getAttribute("PrivilegeType") + " " + (rule.getAttribute("EntityName") || this.tableOf(rule)), rule);
        case "MiscellaneousPrivilegeRule":
          return this.held(rule.getAttribute("PrivilegeName"), rule);
        case "SelectionCountRule": {
          const count = this.place.grid ? this.place.grid.picked().length : rule.getAttribute("AppliesTo") === "PrimaryEntity" && page.id ? 1 : 0;
          return count >= Number(rule.getAttribute("Minimum") || 0) && (!rule.hasAttribute("Maximum") || count <= Number(rule.getAttribute("Maximum")));
        }
        case "EntityRule":
          return (!rule.hasAttribute("EntityName") || rule.getAttribute("EntityName") === this.tableOf(rule)) && (!rule.hasAttribute("Context") || CONTEXTS[this.place.kind].includes(rule.getAttribute("Context")));
        case "FormEntityContextRule":
          return page.page === "form" && rule.getAttribute("EntityName") === page.table;
        case "CrmClientTypeRule":
          return rule.getAttribute("Type") === "Web";
        case "CommandClientTypeRule":
          return rule.getAttribute("Type") === "Refresh";
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

    held(privilege, rule) {
      return (page.privileges[privilege] || 0) >= (DEPTHS[rule.getAttribute("PrivilegeDepth")] || 1);
    }

    /** The table that a rule is about: the record's, or that of the list whose command bar this is. */
    tableOf(rule) {
      return rule.getAttribute("AppliesTo") === "PrimaryEntity" ? page.table : this.place.table;
    }

    async custom(rule) {
      try {
        const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE, false));
        return Boolean(await Promise.race([this.call(rule, null), patience]));
      } catch (error) {
        console.error(error);
        return false;
      }
    }

    async call(element, pressed) {
      const library = (element.getAttribute("Library") || "").replace(/^\$webresource:/, "");
      for (const name of page.libraries[library] || [library]) await load(name);
      const path = element.getAttribute("FunctionName").split(".");
      const owner = path.slice(0, -1).reduce((value, name) => (value ? value[name] : undefined), window);
      const called = owner && owner[path[path.length - 1]];
      if (typeof called !== "function") throw new Error(library + " has no function " + element.getAttribute("FunctionName") + ".");
      return called.apply(owner, [...element.children].map((parameter) => this.argument(parameter, pressed)));
    }

    argument(parameter, pressed) {
      const value = parameter.getAttribute("Value");
      if (parameter.tagName === "IntParameter") return Number(value);
      if (parameter.tagName === "BoolParameter") return value === "true";
      if (parameter.tagName !== "CrmParameter") return value;
      const grid = this.place.grid;
      const ofRows = /^SelectedControl(All|Selected|Unselected)Item(Count|Ids|References)$/.exec(value);
      if (ofRows) return ofTheRows(grid, ofRows[1], ofRows[2]);
      const context = window.GetGlobalContext();
      const record = page.id ? "{" + page.id.toUpperCase() + "}" : "";
      switch (value) {
        case "PrimaryControl": return Sandbox.formContext || grid || null;
        case "SelectedControl": return grid || null;
        case "PrimaryEntityTypeName": return page.table;
        case "PrimaryEntityTypeCode": return page.typeCode;
        case "SelectedEntityTypeName": return grid ? grid.getEntityName() : page.table;
        case "SelectedEntityTypeCode": return grid ? grid.typeCode : page.typeCode;
        case "FirstPrimaryItemId": return record;
        case "PrimaryItemIds": return record ? [record] : [];
        case "FirstSelectedItemId": return ofTheRows(grid, "Selected", "Ids")[0] || "";
        case "CommandProperties": return pressed;
        case "UserLcid": return context.getUserLcid();
        case "OrgLcid": return context.getOrgLcid();
        case "OrgName": return context.getOrgUniqueName();
        default: return null;
      }
    }
  }

  function ofTheRows(grid, which, what) {
    const rows = !grid ? [] : which === "All" ? grid.rows : grid.rows.filter((row) => row.picked === (which === "Selected"));
    if (what === "Count") return rows.length;
    if (what === "Ids") return rows.map((row) => row.id);
    return rows.map((row) => ({ Id: "{" + row.id.toUpperCase() + "}", Name: row.name, TypeCode: grid.typeCode, TypeName: grid.getEntityName() }));
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

  Sandbox.Ribbon = Ribbon;
  Sandbox.bySequence = (elements) => elements.sort((one, other) => Number(one.getAttribute("Sequence") || 0) - Number(other.getAttribute("Sequence") || 0));
})();
