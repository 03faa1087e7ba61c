// @ts-check
/* The Charge dialog: one intent, one key; what became of it is read from the CRM, whatever the call itself answered. */
(function (root) {
  "use strict";

  const { Attempt, Figures, Locale, Money, Obstacle, Outcome, Page, WebApi } = root.Counterfoil;

  const WITH_FACTS = ["pending", "paid", "notchargeable", "noprofile", "unusable", "inprogress", "changed"]; // where the figures are sure

  const opened = openedWith(new URLSearchParams(location.search));
  const user = root.GetGlobalContext ? root.GetGlobalContext() : null;

  let locale = Locale.of(null, navigator.language);
  /** @type {any} */
  let figures = null;
  /** @type {{ key: string, signature: string } | null} a key is made when it is sent */
  let intent = null;
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

  async function userSettings() {
    let id = user && user.userSettings ? user.userSettings.userId : user && user.getUserId ? user.getUserId() : "";
    if (!id) {
      const me = await WebApi.read("WhoAmI");
      id = me.status === 200 ? me.body.UserId : "";
    }
    if (!id) return null;
    const columns = "decimalsymbol,numberseparator,numbergroupformat,localeid,uilanguageid";
    const row = await WebApi.read("usersettingscollection(" + id.replace(/[{}]/g, "") + ")?$select=" + columns);
    return row.status === 200 ? row.body : null;
  }

  /** Shows the form, or why there is nothing to charge. @param {any} read */
  function present(read) {
    figures = read;
    intent = null;
    Page.headline(figures.number);
    const instead = Obstacle.of(figures, money, Page.text);
    if (instead) {
      show(instead);
      return;
    }
    Page.clearMessage();
    Page.currency(figures.currency.code);
    showFacts();
    offerProfiles();
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
    const rows = [
      { label: ["customer"], value: figures.customer },
      { label: ["total"], value: money(figures.total) },
      { label: ["chargedSoFar"], value: money(figures.charged) },
    ];
    if (figures.otherPayments) rows.push({ label: ["otherPayments"], value: money(figures.otherPayments) });
    if (figures.credits) rows.push({ label: ["credits"], value: money(figures.credits) });
    const due = { label: ["balanceDue"], value: money(figures.balance), strong: true };
    if (figures.inProgress) {
      Page.facts(rows.concat(due, { label: ["inProgress"], value: money(figures.inProgress) }, { label: ["canBeCharged"], value: money(figures.room) }));
    } else {
      Page.facts(rows.concat(due));
    }
  }

  function offerProfiles() {
    const preselected = Obstacle.contractProfile(figures);
    const usable = preselected.unusable === "";
    const options = figures.profiles.map((/** @type {any} */ one) => ({ value: one.id, label: profileLabel(one), disabled: one.unusable !== "" }));
    if (!usable) options.unshift({ value: "", label: Page.text(["chooseProfile"]), disabled: false });
    Page.profiles(options, usable ? preselected.id : "");
  }

  /** @param {any} profile */
  function profileLabel(profile) {
    const named = profile.expiry ? Page.text(["profileExpires", profile.name, profile.expiry]) : profile.name;
    return profile.unusable ? Page.text(["profileWith", named, Page.text(Obstacle.reason(profile, figures))]) : named;
  }

  // --- What the user enters ---------------------------------------------------------------------------------

  function chosen() {
    return figures.profiles.find((/** @type {any} */ one) => one.id === Page.profile.value && one.unusable === "") || null;
  }

  /**
   * Says what is wrong, or what is left; the amount in minor units, null while something is wrong.
   * @param {boolean} edited whether the user did something since the last answer
   */
  function validate(edited) {
    if (!figures || Page.form.hidden || busy) return null;
    const parsed = Money.parse(Page.amount.value, locale.style, figures.currency);
    const tooMuch = parsed.problem === undefined && parsed.minor > figures.room;
    const error = parsed.problem !== undefined ? problemLine(parsed.problem) : tooMuch ? aboveLine() : [];
    const amount = error.length ? null : parsed.minor;
    const profile = chosen();
    Page.note("amount-error", error);
    Page.note("amount-hint", hintLine(amount));
    Page.note("profile-note", profileNote(profile));
    Page.write(Page.charge, ["charge", money(amount === null ? figures.room : amount)]);
    Page.charge.setAttribute("aria-disabled", String(amount === null || !profile));
    if (edited || document.body.dataset.state === "loading") Page.enter(amount === null ? "invalid" : profile ? "ready" : "unusable");
    return profile ? amount : null;
  }

  /** @param {string} problem */
  function problemLine(problem) {
    const example = Money.editable(figures.room, figures.currency, locale.style);
    switch (problem) {
      case "empty":
        return ["errorEmpty"];
      case "zero":
        return ["errorZero"];
      case "huge":
        return aboveLine();
      case "decimals":
        return figures.currency.precision ? ["errorDecimals", String(figures.currency.precision), example] : ["errorWhole", example];
      default:
        return ["errorFormat", example];
    }
  }

  function aboveLine() {
    return [figures.inProgress ? "errorAboveRoom" : "errorAboveBalance", money(figures.room)];
  }

  /** @param {number | null} amount */
  function hintLine(amount) {
    if (amount !== null && amount < figures.room) return ["hintPartial", money(figures.balance - amount)];
    return [figures.inProgress ? "hintRoom" : "hintAll", money(figures.room)];
  }

  /** @param {any} profile */
  function profileNote(profile) {
    if (profile) return profile.expiresThisMonth ? ["expiresThisMonth"] : [];
    const of = Obstacle.contractProfile(figures);
    return of.unusable ? ["contractProfileUnusable", of.name, Page.text(Obstacle.reason(of, figures))] : ["errorProfile"];
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

  /** The key of this intent: kept over every doubt, new when amount or profile differ or the last answer was final. @param {number} amount @param {any} profile */
  function orderFor(amount, profile) {
    const signature = profile.id + "|" + amount;
    const repeated = intent !== null && intent.signature === signature;
    if (!repeated) intent = { key: crypto.randomUUID(), signature: signature };
    return {
      key: /** @type {NonNullable<typeof intent>} */ (intent).key,
      repeated: repeated,
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
      const at = new Date().toLocaleTimeString(locale.style.locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
      view.lines.splice(1, 0, ["unknownStill", at]);
    }
    await conclude(view);
  }

  /** @param {any} view */
  async function conclude(view) {
    if (view.final) intent = null;
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
    if (view.state === "changed") view.lines = [["changedText", money(figures.room), money(before)], ["nothingCharged"]];
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
    const labels = /** @type {Record<string, string[]>} */ ({ check: ["checkAgain"], settle: ["checkAgain"], reload: ["reload"], retry: ["tryAgain"] });
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
      show({ state: "forbidden", tone: "error", title: ["forbiddenTitle"], lines: [["forbiddenReadText"]], focus: "close" });
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
      return window.parent === window ? null : window.parent.document.querySelector("button[data-id='dialogCloseIconButton']");
    } catch (foreignParent) {
      return null;
    }
  }
})(/** @type {any} */ (window));
