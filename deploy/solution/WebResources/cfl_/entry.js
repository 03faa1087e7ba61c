// @ts-check
/* What the user enters: whether it can be charged, and what to say about it. */
(function (root) {
  "use strict";

  const { Money, Obstacle } = root.Counterfoil;

  /** @typedef {string[]} Line */

  const Entry = {
    /**
     * What an amount as typed comes to, in minor units, or what is wrong with it; and the hint under it.
     * @param {string} text
     * @param {any} figures
     * @param {any} style
     * @param {(minor: number) => string} money
     * @returns {{ amount: number | null, error: Line, hint: Line }}
     */
    check: function (text, figures, style, money) {
      const parsed = Money.parse(text, style, figures.currency);
      const problem = parsed.problem === undefined && parsed.minor > figures.room ? "huge" : parsed.problem;
      if (problem !== undefined) {
        return { amount: null, error: complaint(problem, figures, style, money), hint: hintOfAll(figures, money) };
      }
      const part = parsed.minor < figures.room;
      const hint = part ? ["hintPartial", money(figures.balance - parsed.minor)] : hintOfAll(figures, money);
      return { amount: parsed.minor, error: [], hint: hint };
    },

    /**
     * The payment profiles to choose from; those that cannot be charged say why.
     * @param {any} figures
     * @param {(line: Line) => string} text
     */
    profiles: function (figures, text) {
      const preselected = Obstacle.contractProfile(figures);
      const usable = preselected.unusable === "";
      const options = figures.profiles.map((/** @type {any} */ one) => ({
        value: one.id,
        label: label(one, figures, text),
        disabled: one.unusable !== "",
      }));
      if (!usable) options.unshift({ value: "", label: text(["chooseProfile"]), disabled: false });
      return { options: options, selected: usable ? preselected.id : "" };
    },

    /**
     * What to know about the chosen profile, or why one must be chosen.
     * @param {any} profile null where none is chosen
     * @param {any} figures
     * @param {(line: Line) => string} text
     * @returns {Line}
     */
    profileNote: function (profile, figures, text) {
      if (profile) return profile.expiresThisMonth ? ["expiresThisMonth"] : [];
      const preselected = Obstacle.contractProfile(figures);
      if (preselected.unusable === "") return ["errorProfile"];
      return ["contractProfileUnusable", preselected.name, text(Obstacle.reason(preselected, figures))];
    },
  };

  /** @param {string} problem @param {any} figures @param {any} style @param {(minor: number) => string} money */
  function complaint(problem, figures, style, money) {
    const example = Money.editable(figures.room, figures.currency, style);
    const places = figures.currency.precision;
    switch (problem) {
      case "empty":
        return ["errorEmpty"];
      case "zero":
        return ["errorZero"];
      case "huge":
        return [figures.inProgress ? "errorAboveRoom" : "errorAboveBalance", money(figures.room)];
      case "decimals":
        return places ? ["errorDecimals", String(places), example] : ["errorWhole", example];
      default:
        return ["errorFormat", example];
    }
  }

  /** @param {any} figures @param {(minor: number) => string} money */
  function hintOfAll(figures, money) {
    return [figures.inProgress ? "hintRoom" : "hintAll", money(figures.room)];
  }

  /** @param {any} profile @param {any} figures @param {(line: Line) => string} text */
  function label(profile, figures, text) {
    const named = profile.expiry ? text(["profileExpires", profile.name, profile.expiry]) : profile.name;
    return profile.unusable ? text(["profileWith", named, text(Obstacle.reason(profile, figures))]) : named;
  }

  root.Counterfoil.Entry = Entry;
})(/** @type {any} */ (window));
