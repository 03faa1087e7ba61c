// @ts-check
/* The Charge dialog: one intent, one key; what became of it is read from the CRM, whatever the call itself answered. */
(function (root) {
  "use strict";

  const { Attempt, Entry, Figures, Locale, Money, Obstacle, Outcome, Page, WebApi } = root.Counterfoil;

  // Where the figures are sure.
  const WITH_FACTS = ["pending", "paid", "notchargeable", "noprofile", "unusable", "inprogress", "changed"];

  const opened = openedWith(new URLSearchParams(location.search));
  const known = knownOfUser();

  let locale = Locale.of(known, navigator.language);
  /** @type {any} */
  let figures = null;
  /** @type {any} */
  let order = null;
  let busy = false;
  let again = /** @type {() => void} */ (() => undefined);

  Page.form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  });
  Page.amount.addEventListener("input", () => validate(true));
  Page.profile.addEventListener("change", () => validate(true));
  Page.close.addEventListener("click", () => close());
  Page.again.addEventListener("click", () => {
    if (!busy) again();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) close();
  });
  window.addEventListener("online", () => {
    if (document.body.dataset.state !== "offline") return;
    Page.message("info", ["onlineAgain"], []);
    validate(true);
  });
  load();

  // --- What is owed -----------------------------------------------------------------------------------------

  async function load() {
    speak();
    Page.form.hidden = true;
    Page.facts([]);
    Page.enter("loading", true);
    Page.waiting(["loading"]);
    Page.title.focus();
    Page.buttons({ close: ["cancel"], primary: "close" });
    const [settings, read] = await Promise.all([userSettings(), readFigures()]);
    locale = Locale.of(settings, navigator.language);
    speak();
    if (read.refusal) unreadable(read.refusal);
    else present(read.figures);
  }

  function speak() {
    Page.speak(locale);
    Page.headline(figures ? figures.number : opened.number);
  }

  /** @returns {Promise<any>} */
  function readFigures() {
    if (opened.invoiceId === "") return Promise.resolve({ refusal: { status: 0, message: "" } });
    return Figures.read(opened.invoiceId, new Date());
  }

  /** What the platform says of the user without being asked, where it does. */
  function knownOfUser() {
    const context = root.GetGlobalContext ? root.GetGlobalContext() : {};
    const settings = context.userSettings || {};
    const id = settings.userId || (context.getUserId ? context.getUserId() : "");
    return { id: id.replace(/[{}]/g, ""), uilanguageid: settings.languageId || 0, localeid: 0 };
  }

  /** The user's own number style; a language of 0 is the organization's, which the platform has told. */
  async function userSettings() {
    let id = known.id;
    if (!id) {
      const me = await WebApi.read("WhoAmI");
      id = me.status === 200 ? me.body.UserId : "";
    }
    if (!id) return known;
    const columns = "decimalsymbol,numberseparator,numbergroupformat,localeid,uilanguageid";
    const row = await WebApi.read("usersettingscollection(" + id + ")?$select=" + columns);
    if (row.status !== 200) return known;
    return Object.assign({}, row.body, { uilanguageid: row.body.uilanguageid || known.uilanguageid });
  }

  /** Shows the form, or why there is nothing to charge. @param {any} read */
  function present(read) {
    figures = read;
    Page.headline(figures.number);
    const instead = Obstacle.of(figures, money, Page.text);
    if (instead) {
      show(instead);
      return;
    }
    Page.clearMessage();
    Page.currency(figures.currency.code);
    showFacts();
    const offered = Entry.profiles(figures, Page.text);
    Page.profiles(offered.options, offered.selected);
    Page.amount.value = Money.editable(figures.room, figures.currency, locale.style);
    Page.form.hidden = false;
    Page.freeze(false);
    Page.buttons({ close: ["cancel"], charge: ["charge", money(figures.room)], primary: "charge" });
    validate(false);
    if (chosen()) {
      Page.amount.focus();
      Page.amount.select();
    } else {
      Page.profile.focus();
    }
  }

  function showFacts() {
    /** @type {{ label: string[], value: string, strong?: boolean }[]} */
    const rows = [
      { label: ["customer"], value: figures.customer },
      { label: ["total"], value: money(figures.total) },
      { label: ["chargedSoFar"], value: money(figures.charged) },
    ];
    if (figures.otherPayments) rows.push({ label: ["otherPayments"], value: money(figures.otherPayments) });
    if (figures.credits) rows.push({ label: ["credits"], value: money(figures.credits) });
    rows.push({ label: ["balanceDue"], value: money(figures.balance), strong: true });
    if (figures.inProgress) {
      rows.push({ label: ["inProgress"], value: money(figures.inProgress) });
      rows.push({ label: ["canBeCharged"], value: money(figures.room) });
    }
    Page.facts(rows);
  }

  // --- What the user enters ---------------------------------------------------------------------------------

  function chosen() {
    return (
      figures.profiles.find((/** @type {any} */ one) => one.id === Page.profile.value && one.unusable === "") || null
    );
  }

  /**
   * Says what is wrong, or what is left; the amount in minor units, null while something is wrong.
   * @param {boolean} edited whether the user did something since the last answer
   */
  function validate(edited) {
    if (!figures || Page.form.hidden || busy) return null;
    const entered = Entry.check(Page.amount.value, figures, locale.style, money);
    const amount = entered.amount;
    const profile = chosen();
    Page.note("amount-error", entered.error);
    Page.note("amount-hint", entered.hint);
    Page.note("profile-note", Entry.profileNote(profile, figures, Page.text));
    Page.write(Page.charge, ["charge", money(amount === null ? figures.room : amount)]);
    Page.charge.setAttribute("aria-disabled", String(amount === null || !profile));
    if (edited || document.body.dataset.state === "loading") {
      Page.enter(amount === null ? "invalid" : profile ? "ready" : "unusable");
    }
    return profile ? amount : null;
  }

  /** @param {number} minor */
  function money(minor) {
    return Money.format(minor, figures.currency, locale.style);
  }

  // --- The charge -------------------------------------------------------------------------------------------

  async function submit() {
    if (busy) return;
    const amount = validate(true);
    const profile = chosen();
    if (amount === null || !profile) {
      (profile ? Page.amount : Page.profile).focus();
      return;
    }
    if (!navigator.onLine) {
      show(Outcome.offline());
      return;
    }
    busy = true;
    order = orderFor(amount, profile);
    Page.enter("submitting", true);
    Page.freeze(true);
    Page.waiting(["submitting", money(amount)]);
    await conclude(await Attempt.charge(order, Page.waiting));
  }

  /**
   * One intent, one key. The form only comes back after an answer that is final, so whatever is sent from it is a new
   * intent; a doubt about this one is settled under this key.
   * @param {number} amount
   * @param {any} profile
   */
  function orderFor(amount, profile) {
    return {
      key: crypto.randomUUID(),
      invoiceId: opened.invoiceId,
      amount: amount,
      expected: figures.room,
      profile: profile,
      currency: figures.currency,
      money: money,
      ownSentences: locale.language !== "en",
    };
  }

  async function checkAgain() {
    busy = true;
    Page.freeze(true);
    Page.waiting(["checking"]);
    const view = await Attempt.settle(order);
    if (view.state === "unknown") {
      const at = new Date().toLocaleTimeString(locale.style.locale);
      view.lines.splice(1, 0, ["unknownStill", at]);
    }
    await conclude(view);
  }

  /** @param {any} view */
  async function conclude(view) {
    const shown = view.reread ? await withNewFigures(view) : view;
    busy = false;
    show(shown);
  }

  /** The figures as they are now, for an answer that says they changed. @param {any} view */
  async function withNewFigures(view) {
    const before = figures.room;
    const read = await readFigures();
    if (read.refusal) return view;
    figures = read.figures;
    const instead = Obstacle.of(figures, money, Page.text);
    if (instead && (instead.state === "paid" || instead.state === "notchargeable")) return instead;
    if (view.state === "changed") {
      view.lines = [["changedText", money(figures.room), money(before)], ["nothingCharged"]];
    }
    return view;
  }

  // --- What is shown ----------------------------------------------------------------------------------------

  /** @param {any} view */
  function show(view) {
    Page.form.hidden = !view.form;
    if (view.form || WITH_FACTS.includes(view.state)) showFacts();
    else Page.facts([]);
    Page.freeze(false);
    if (view.title.length) Page.message(view.tone, view.title, view.lines);
    else Page.clearMessage();
    again = nextStep(view.again);
    const labels = /** @type {Record<string, string[]>} */ ({
      check: ["checkAgain"],
      settle: ["checkAgain"],
      reload: ["reload"],
      retry: ["tryAgain"],
    });
    Page.buttons({
      close: [view.form ? "cancel" : "close"],
      again: labels[view.again],
      charge: view.form ? ["charge", ""] : undefined,
      primary: view.form ? "charge" : view.again ? "again" : "close",
    });
    Page.enter(view.state);
    if (view.form) validate(false);
    if (view.fieldError) Page.note("amount-error", view.fieldError);
    Page[view.focus].focus();
    if (view.focus === "amount") Page.amount.select();
  }

  /** @param {string | undefined} what @returns {() => void} */
  function nextStep(what) {
    switch (what) {
      case "check":
        return checkAgain;
      case "settle":
        return settleElsewhere;
      default:
        return load;
    }
  }

  /** A charge left behind, by a closed dialog perhaps, is looked up before the figures are read again. */
  async function settleElsewhere() {
    busy = true;
    Page.freeze(true);
    Page.waiting(["checking"]);
    if (figures.awaited && figures.awaited.key) await Attempt.check(figures.awaited.key);
    busy = false;
    load();
  }

  /** @param {{ status: number, message: string }} refusal */
  function unreadable(refusal) {
    if (refusal.status === 403) {
      show({
        state: "forbidden",
        tone: "error",
        title: ["forbiddenTitle"],
        lines: [["forbiddenReadText"]],
        focus: "close",
      });
      return;
    }
    const lines = refusal.message ? [["", refusal.message], ["nothingCharged"]] : [["nothingCharged"]];
    show({ state: "error", tone: "error", title: ["unreadableTitle"], lines: lines, again: "retry", focus: "again" });
  }

  // --- Opening and closing ----------------------------------------------------------------------------------

  /** The platform hands `data` over in either case, encoded once or twice. @param {URLSearchParams} query */
  function openedWith(query) {
    const text = query.get("data") || query.get("Data") || "{}";
    let data;
    try {
      data = JSON.parse(text.charAt(0) === "{" ? text : decodeURIComponent(text));
    } catch (malformed) {
      data = {};
    }
    return { invoiceId: String(data.invoiceId || "").replace(/[^0-9a-fA-F-]/g, ""), number: String(data.number || "") };
  }

  /** There is no documented way to close a dialog from inside: the window first, then the platform's own cross. */
  function close() {
    if (busy) return;
    window.close();
    setTimeout(() => {
      const cross = crossOfPlatform();
      if (cross) cross.click();
      else Page.message("info", ["closeByHand"], []);
    }, 200);
  }

  /** @returns {HTMLElement | null} */
  function crossOfPlatform() {
    try {
      return window.parent.document.querySelector("button[data-id='dialogCloseIconButton']");
    } catch (foreignParent) {
      return null;
    }
  }
})(/** @type {any} */ (window));
