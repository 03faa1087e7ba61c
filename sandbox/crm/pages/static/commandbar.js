/* Command bars: of a form, of a list and of each list on a form. What they offer and call is the ribbon's matter. */
(function () {
  "use strict";

  const Sandbox = window.Sandbox;
  const page = Sandbox.page;

  class CommandBar {
    /** `host` is where the controls go, behind those of the platform. */
    constructor(host, place) {
      this.host = host;
      this.ribbon = new Sandbox.Ribbon(place);
      this.shown = [];
      this.round = 0;
      this.ribbon.controls().forEach((control) => {
        const made = this.make(control, false);
        if (made) host.append(made.element);
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
      button.addEventListener("click", () => this.ribbon.run(control.getAttribute("Command"), control.getAttribute("Id")));
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
      menu.setAttribute("aria-label", this.ribbon.text(control.getAttribute("LabelText")));
      menu.hidden = true;
      const children = Sandbox.bySequence([...control.querySelectorAll("MenuSection")])
        .flatMap((section) => Sandbox.bySequence([...section.querySelectorAll("Controls > *")]))
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
      text.textContent = this.ribbon.text(control.getAttribute("LabelText"));
      button.append(text);
      const tip = this.ribbon.text(control.getAttribute("ToolTipDescription"));
      if (tip) button.title = tip;
    }

    /** Asks every rule again. Controls keep their place and their focus; only whether they show changes. */
    async refresh() {
      const round = ++this.round;
      const allowed = new Map(await Promise.all([...new Set(this.shown.map((each) => each.command))].map(async (command) => [command, await this.ribbon.allows(command)])));
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

  Sandbox.CommandBar = CommandBar;

  /** Asks the rules of every command on the page again. */
  Sandbox.refreshCommands = () => Promise.all([Sandbox.commandBar, ...[...Sandbox.grids.values()].map((grid) => grid.bar)].filter(Boolean).map((bar) => bar.refresh()));

  const host = document.getElementById("commands");
  if (host && page.page === "form") Sandbox.commandBar = new CommandBar(host, { kind: "Form", table: page.table, grid: null });
})();
