/* Around every page: menus, the site map on narrow screens, what only the sandbox can do; then the page is ready. */
(function () {
  "use strict";

  const Sandbox = window.Sandbox;

  /** Menus made of <details>: one open at a time, Escape and a click elsewhere close. */
  Sandbox.wireMenus = function (inside) {
    inside.querySelectorAll("details.menu").forEach((menu) => {
      menu.addEventListener("toggle", () => {
        if (menu.open) document.querySelectorAll("details.menu[open]").forEach((other) => { if (other !== menu) other.open = false; });
      });
      menu.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !menu.open) return;
        menu.open = false;
        menu.querySelector("summary").focus();
      });
    });
  };

  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  const toggle = document.getElementById("sitemap-toggle");
  toggle.addEventListener("click", () => {
    const open = document.getElementById("sitemap").classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(open));
  });

  document.querySelectorAll("[data-sandbox]").forEach((button) => {
    button.addEventListener("click", async () => {
      const seconds = Number(button.dataset.seconds);
      const body = button.dataset.sandbox === "clock" ? { advance_seconds: seconds } : {};
      await fetch("/sandbox/" + button.dataset.sandbox, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      window.location.reload();
    });
  });

  async function begin() {
    Sandbox.wireMenus(document);
    if (Sandbox.page.page === "form") Sandbox.wireRecord("");
    else Sandbox.wireGrids(document);
    try {
      await Sandbox.refreshCommands();
    } finally {
      document.body.dataset.ready = "1";
    }
  }
  begin();
})();
