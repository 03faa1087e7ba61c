// @ts-check
/* The course of any action: load, ask, send, end. What is asked and said is in the table of actions. */
(function (root) {
  "use strict";

  const { Actions, Answer, Attempt, Controls, Dialog, Entries, Handover, Link, Locale, Money, Page, Request, Subjects, Unreadable, WebApi } =
    root.Counterfoil;

  const OVERRIDE = "prvCreatecfl_mayoverriderefund"; // OverrideSum (E179)

  /** That may be gone back to. */
  const PAGES = ["action.html", "charge.html"];

  const opened = Dialog.opened();
  /** @type {any} */
  const action = Actions.table[opened.action] || null;
  const steps = action && action.nextTitle ? 2 : 1;

  let userId = "";
  let locale = Locale.of(Dialog.user(), navigator.language);
  /** The situation that the table's functions are asked in. @type {any} */
  let s = null;
  let step = 1;
  let touched = new Set();
  let attempted = false;
  let busy = false;
  /** The last call, while it is not known what became of it. @type {any} */
  let order = null;
  let again = /** @type {() => void} */ (() => undefined);

  Page.form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    submit(false);
  });
  Page.element("another").addEventListener("click", () => {
    if (!action.other) submit(true);
    else if (!busy) turnToOther();
  });
  Page.element("back").addEventListener("click", () => {
    if (!busy) enterStep(step - 1);
  });
  Page.element("close").addEventListener("click", () => close());
  Page.element("again").addEventListener("click", () => {
    if (!busy) again();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) close();
    if (event.key === "s" && event.ctrlKey && !Page.form.hidden) {
      event.preventDefault();
      submit(false);
    }
  });
  window.addEventListener("online", () => {
    if (document.body.dataset.state !== "offline") return;
    Page.message("info", ["onlineAgain"], []);
    Page.enter("ready");
  });
  load();

  // --- What it is about -------------------------------------------------------------------------------------

  async function load() {
    speak();
    Page.form.hidden = true;
    Page.facts([]);
    Page.enter("loading", true);
    Page.waiting(["loadingAction"]);
    Page.title.focus();
    Page.buttons({ close: ["cancel"] }, "close");
    const reader = await Dialog.reader();
    userId = reader.id;
    locale = reader.locale;
    speak();
    try {
      if (!action) throw new Unreadable({ status: 0, message: "" });
      s = await situation();
    } catch (problem) {
      if (!(problem instanceof Unreadable)) throw problem;
      unreadable(/** @type {any} */ (problem).answer);
      return;
    }
    Page.clearMessage();
    present([]);
  }

  function speak() {
    Page.speak(locale);
    if (action) Page.headline(headline());
  }

  function headline() {
    return [step === 2 ? action.nextTitle : action.title, s ? s.number : String(opened.number || "")];
  }

  /** Everything that the table's functions look at. */
  async function situation() {
    const [subject, setting, mayOverride] = await Promise.all([
      Subjects.read(action.about, opened),
      theSetting(),
      action.fields.some((/** @type {any} */ field) => field.locked) ? Dialog.holds(userId, OVERRIDE) : false,
    ]);
    const made = Object.assign({}, subject, {
      setting: setting,
      mayOverride: mayOverride,
      today: today(setting.cfl_timezone),
      preset: (opened.preset || []).map(Dialog.id),
      money: (/** @type {number} */ minor, /** @type {any} */ currency) =>
        Money.format(minor, currency || subject.currency, locale.style),
      offers: /** @type {Record<string, any[]>} */ ({}),
      raw: {},
      readable: {},
      typed: {},
      values: {},
      chosen: {},
      found: {},
    });
    const listed = action.fields.filter((/** @type {any} */ field) => field.from);
    const lists = await Promise.all(listed.map((/** @type {any} */ field) => field.from(made)));
    listed.forEach((/** @type {any} */ field, /** @type {number} */ index) => {
      made.offers[field.name] = lists[index];
    });
    return made;
  }

  /** The one row of settings; what cannot be read counts as not set. */
  async function theSetting() {
    const answer = await WebApi.read("cfl_settings?$select=cfl_timezone,cfl_serviceoptional&$top=1");
    return (answer.status === 200 && answer.body.value[0]) || {};
  }

  /** The business day, "2026-11-22". @param {string | undefined} zone an IANA name */
  function today(zone) {
    try {
      return new Intl.DateTimeFormat("en-CA", { timeZone: zone || undefined }).format(new Date());
    } catch (unknownZone) {
      return new Intl.DateTimeFormat("en-CA").format(new Date());
    }
  }

  // --- The form ---------------------------------------------------------------------------------------------

  /** Shows the empty form, or why there is nothing to do. @param {string[]} message what just went well */
  function present(message) {
    step = 1;
    const instead = action.instead ? action.instead(s) : [];
    if (instead.length) {
      Page.headline(headline());
      show(Request.ended("nothing", "info", [instead[0]], [instead.slice(1)]));
      return;
    }
    touched = new Set();
    s.found = {};
    Controls.build(action.fields, s, changed);
    Page.form.hidden = action.fields.length === 0;
    Page.freeze(false);
    enterStep(1);
    if (message.length) Page.message("success", message, []);
  }

  /** What has to be known before it is saved. */
  function sayBefore() {
    const said = action.says ? action.says(s) : [];
    if (said.length) Page.message(said[0], said[2] ? [said[1]] : [], [[said[2] || said[1]]]);
    else Page.clearMessage();
  }

  /** @param {number} to */
  function enterStep(to) {
    step = to;
    attempted = false;
    sayBefore();
    Page.headline(headline());
    look();
    showFacts();
    showButtons();
    Page.enter("ready");
    const first = action.fields.find((/** @type {any} */ field) => isShown(field));
    if (first) Controls.focus(first);
    else Page.element(action.danger ? "close" : "save").focus();
  }

  function showFacts() {
    const rows = s.currency || s.ids.length ? s.facts(s.money) : [];
    if (step === 2) rows.push({ label: ["selected"], value: s.money(selected()), strong: true });
    Page.facts(rows);
  }

  /** What the rows come to that were ticked on the first page. */
  function selected() {
    return action.fields
      .filter((/** @type {any} */ field) => field.type === "ticks" || field.type === "one")
      .reduce((/** @type {number} */ sum, /** @type {any} */ field) => sum + tickedSum(field), 0);
  }

  function showButtons() {
    const last = step === steps;
    const amount = s.values.Amount;
    const save = last ? (action.money && amount ? [action.money, s.money(amount)] : [action.save]) : ["next"];
    const lines = {
      close: ["cancel"],
      back: step > 1 ? ["back"] : undefined,
      another: last && action.another ? ["saveNew"] : action.other ? [action.other.label] : undefined,
      save: save,
    };
    Page.buttons(lines, "save");
  }

  /** @param {any} field */
  function isShown(field) {
    return (field.step || 1) === step && isAsked(field);
  }

  /** Asked on one of the pages. @param {any} field */
  function isAsked(field) {
    return !field.when || field.when(s);
  }

  /** @param {string} name */
  function changed(name) {
    touched.add(name);
    const field = action.fields.find((/** @type {any} */ each) => each.name === name);
    const other = action.fields.find((/** @type {any} */ each) => each.name === field.excludes);
    if (other && Controls.read(field)) {
      Controls.write(other, false);
      touched.add(other.name);
    } else if (other) {
      touched.delete(other.name);
    }
    if (document.body.dataset.state === "succeeded") Page.clearMessage();
    look();
    showButtons();
    const wrong = complain(attempted);
    Page.enter(wrong.length ? "invalid" : "ready");
  }

  /** Reads what stands in the form, puts in what follows from it, and shows the fields that this makes sense of. */
  function look() {
    readAll();
    for (let round = 0; round < 2; round += 1) {
      action.fields.forEach((/** @type {any} */ field) => {
        if (field.only) Controls.offer(field, s.offers[field.name].filter((/** @type {any} */ offer) => field.only(offer, s)));
        const free = field.initial && (!touched.has(field.name) || (field.locked && field.locked(s)));
        if (free) Controls.write(field, Entries.shown(field, field.initial(s), s, locale.style));
      });
      readAll();
    }
    action.fields.forEach((/** @type {any} */ field) => {
      Controls.show(field, isShown(field));
      Controls.mark(field, Entries.required(field, s), Boolean(field.locked && field.locked(s)));
      if (field.type === "ticks") {
        const count = s.values[field.name].length;
        Controls.total(field, count ? ["ticked", String(count), s.money(tickedSum(field))] : []);
      }
    });
    const required = action.fields.some((/** @type {any} */ field) => isShown(field) && Entries.required(field, s));
    Page.element("required-note").hidden = !required;
  }

  function readAll() {
    action.fields.forEach((/** @type {any} */ field) => {
      const raw = Controls.read(field);
      s.raw[field.name] = raw;
      s.readable[field.name] = field.type !== "date" || Controls.readable(field);
      s.typed[field.name] = field.type === "lookup" && /** @type {any} */ (Page.element(field.name)).value.trim() !== "";
      s.values[field.name] = Entries.value(field, raw, s, locale.style);
      const offer = (s.offers[field.name] || []).find((/** @type {any} */ each) => each.id === raw);
      s.chosen[field.name] = offer ? offer.row : null;
    });
  }

  /** @param {any} field */
  function tickedSum(field) {
    const ids = /** @type {string[]} */ ([]).concat(s.values[field.name] || []);
    return s.offers[field.name]
      .filter((/** @type {any} */ offer) => ids.includes(offer.id))
      .reduce((/** @type {number} */ sum, /** @type {any} */ offer) => sum + offer.amount, 0);
  }

  /**
   * Says what is wrong; the fields that cannot be sent as they are.
   * @param {boolean} all also of fields nobody has touched
   * @returns {any[]}
   */
  function complain(all) {
    return action.fields.filter((/** @type {any} */ field) => {
      const speaks = isShown(field) && (all || touched.has(field.name));
      const problem = speaks ? Entries.problem(field, s, locale.style) : [];
      Controls.complain(field, problem);
      return problem.length > 0;
    });
  }

  // --- Sending ----------------------------------------------------------------------------------------------

  /** @param {boolean} another whether the form is to come back empty */
  async function submit(another) {
    if (busy || !s || (document.body.dataset.state !== "offline" && Page.element("save").hidden)) return;
    attempted = true;
    look();
    const wrong = complain(true);
    if (wrong.length) {
      sayBefore();
      Page.enter("invalid");
      Controls.focus(wrong[0]);
      return;
    }
    if (step < steps) {
      enterStep(step + 1);
      return;
    }
    if (unchanged()) {
      Page.message("info", ["nothingChanged"], []);
      return;
    }
    if (!navigator.onLine) {
      show(Answer.offline());
      return;
    }
    busy = true;
    Page.enter("submitting", true);
    if (document.activeElement && Page.form.contains(document.activeElement)) Page.element("save").focus();
    Page.freeze(true);
    Page.waiting(["submittingAction"]);
    const view = await (action.each && s.ids.length > 1 ? sendEach() : send(s));
    busy = false;
    await conclude(view, another);
  }

  /** An action that only takes changes, and none was made. */
  function unchanged() {
    const fields = action.fields;
    if (!fields.length || !fields.every((/** @type {any} */ field) => field.sends === "changes")) return false;
    return !Entries.saysSomething(Entries.body(action, fields.filter(isAsked), s, ""));
  }

  /** @param {any} situation */
  function send(situation) {
    order = orderFor(situation);
    return Attempt.send(order, Page.waiting);
  }

  /**
   * One intent, one key: the form only comes back after an answer that is final, so whatever is sent from it is a new intent.
   * @param {any} situation
   */
  function orderFor(situation) {
    const key = crypto.randomUUID();
    const fields = action.fields.filter(isAsked);
    const asked = {
      key: key,
      done: action.done,
      pending: action.pending,
      gateway: action.gateway === true,
      fields: fields.filter(isShown).map((/** @type {any} */ field) => field.name),
      ownSentences: locale.language !== "en",
      currency: s.currency,
      money: s.money,
    };
    return {
      key: key,
      path: (action.bound ? action.bound(situation) + "/Microsoft.Dynamics.CRM." : "") + action.api,
      body: Entries.body(action, fields, situation, key),
      of: (/** @type {any} */ row) => Answer.of(row, asked),
      unknown: (/** @type {any} */ row) => Answer.unknown(row, asked),
      forbidden: Answer.forbidden,
      waits: { slow: ["submittingActionSlow"], noAnswer: ["submittingActionNoAnswer"] },
    };
  }

  /** One call after the other; a doubt about one stops the rest. */
  async function sendEach() {
    let succeeded = 0;
    /** @type {string[][]} */
    const failures = [];
    for (let index = 0; index < s.rows.length; index += 1) {
      Page.waiting(["submittingEach", String(index + 1), String(s.rows.length)]);
      const view = await send(Object.assign({}, s, { ids: [s.ids[index]], row: s.rows[index] }));
      if (view.state === "unknown") {
        view.lines = view.lines.concat([["eachPartly", String(succeeded), String(s.rows.length)]], failures);
        return view;
      }
      if (view.state === "succeeded" || view.state === "pending") succeeded += 1;
      else failures.push(["eachFailure", Subjects.number(action.about, s.rows[index]), Page.text(view.fieldError || view.lines[0] || view.title)]);
    }
    const counts = [String(succeeded), String(s.rows.length)];
    if (failures.length === 0) return Request.ended("succeeded", "success", ["eachDone"].concat(counts), []);
    return Request.ended("refused", "warning", ["eachPartly"].concat(counts), failures);
  }

  async function checkAgain() {
    busy = true;
    Page.freeze(true);
    Page.waiting(["checking"]);
    const view = await Attempt.settle(order);
    if (view.state === "unknown") view.lines.splice(1, 0, ["unknownStill", new Date().toLocaleTimeString(locale.style.locale)]);
    busy = false;
    await conclude(view, false);
  }

  /** @param {any} view @param {boolean} another */
  async function conclude(view, another) {
    if (action.opens && view.made) Handover.leave(action.opens, Dialog.id(view.made));
    if (view.state === "succeeded" && another) {
      await renew(view.title);
      return;
    }
    show(view);
  }

  /** Save/New (E86): the figures as they are now, and an empty form. @param {string[]} message */
  async function renew(message) {
    try {
      s = await situation();
    } catch (problem) {
      if (!(problem instanceof Unreadable)) throw problem;
    }
    present(message);
  }

  // --- What is shown ----------------------------------------------------------------------------------------

  /** @param {any} view */
  function show(view) {
    Page.form.hidden = !view.form || action.fields.length === 0;
    if (view.link && action.link) Link.show(view.link, action.link, locale.style.locale, offerToGoOn);
    else Link.hide();
    if (view.state === "succeeded") Page.facts([]);
    else if (s && s.ids) showFacts();
    Page.freeze(false);
    if (view.title.length) Page.message(view.tone, view.title, view.lines);
    else Page.clearMessage();
    if (view.state === "nothing" && action.other) view.again = "other";
    again = view.again === "check" ? checkAgain : view.again === "other" ? turnToOther : load;
    if (view.form) {
      showButtons();
    } else {
      const labels = /** @type {Record<string, string[]>} */ ({ check: ["checkAgain"], retry: ["tryAgain"] });
      if (view.state === "nothing" && action.other) labels.other = [action.other.label];
      Page.buttons({ close: ["close"], again: labels[view.again] }, view.again ? "again" : "close");
    }
    Page.enter(view.state);
    const field = action && action.fields.find((/** @type {any} */ each) => each.name === view.field);
    if (field) {
      Controls.complain(field, view.fieldError);
      Controls.focus(field);
    } else {
      Page.element(view.focus).focus();
    }
  }

  /** What is missing here can be made by another action, which leads back. */
  function turnToOther() {
    const back = { page: "action.html", data: { action: opened.action, id: opened.id } };
    Dialog.turnTo("action.html", { action: action.other.action, id: opened.id, back: back });
  }

  /** Back to the dialog that this one was opened from. */
  function offerToGoOn() {
    if (!opened.back || !PAGES.includes(opened.back.page)) return;
    again = () => Dialog.turnTo(opened.back.page, opened.back.data);
    Page.buttons({ close: ["close"], again: ["goOn"] }, "again");
    Page.element("again").focus();
  }

  /** @param {{ status: number, message: string }} answer */
  function unreadable(answer) {
    s = null;
    if (answer.status === 403) {
      show(Request.ended("forbidden", "error", ["forbiddenActionTitle"], [["forbiddenReadActionText"]]));
      return;
    }
    const lines = answer.message ? [["", answer.message]] : [];
    show(Object.assign(Request.offering("retry", "error", ["unreadableActionTitle"], lines), { tone: "error" }));
  }

  function close() {
    if (!busy) Dialog.close();
  }
})(/** @type {any} */ (window));
