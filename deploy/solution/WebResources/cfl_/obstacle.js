// @ts-check
/* What stands in the way of a charge before anything is entered (W02, W03, W37, A2, A25). */
(function (root) {
  "use strict";

  const Obstacle = {
    /**
     * The first thing that stands in the way, as a view; null when the form can be shown.
     * @param {any} figures
     * @param {(minor: number) => string} money
     * @param {(line: string[]) => string} text
     */
    of: function (figures, money, text) {
      if (!figures.chargeable) return ending("notchargeable", "info", ["notChargeableTitle"], ["notChargeableText"]);
      if (figures.balance <= 0) return ending("paid", "info", ["paidTitle"], ["paidText"]);
      if (!figures.ofAccount) return ending("notchargeable", "warning", ["notChargeableTitle"], ["contactText"]);
      if (figures.awaited) return elsewhere(figures.awaited, money);
      if (figures.room <= 0 && figures.linked)
        return ending("pending", "info", ["linkAllTitle"], ["linkAllText", money(figures.inProgress)]);
      if (figures.room <= 0)
        return ending("pending", "info", ["pendingAllTitle"], ["pendingAllText", money(figures.inProgress)]);
      if (!figures.contract)
        return ending("noprofile", "warning", ["noProfileTitle"], ["noContractText", figures.number]);
      if (!figures.contractProfileId)
        return ending("noprofile", "warning", ["noProfileTitle"], ["noContractProfileText", figures.contract.name]);
      if (figures.profiles.some((/** @type {any} */ one) => one.unusable === "")) return null;
      const profile = Obstacle.contractProfile(figures);
      return ending(
        "unusable",
        "warning",
        ["unusableTitle"],
        ["unusableText", profile.name, text(Obstacle.reason(profile, figures))],
      );
    },

    /**
     * The profile that is charged by default; a stand-in where it is not one of the customer's.
     * @param {any} figures
     */
    contractProfile: function (figures) {
      const found = figures.profiles.find((/** @type {any} */ one) => one.id === figures.contractProfileId);
      return found || { id: "", name: "", unusable: "reasonForeign" };
    },

    /** @param {any} profile @param {any} figures */
    reason: function (profile, figures) {
      return profile.unusable === "reasonCurrency" ? ["reasonCurrency", figures.currency.code] : [profile.unusable];
    },
  };

  /** @param {string} state @param {string} tone @param {string[]} title @param {string[]} line */
  function ending(state, tone, title, line) {
    return { state: state, tone: tone, title: title, lines: [line], focus: "close" };
  }

  /**
   * A charge that somebody, perhaps this user a moment ago, made and that has no answer yet.
   * @param {any} awaited
   * @param {(minor: number) => string} money
   */
  function elsewhere(awaited, money) {
    const line = awaited.by
      ? ["inProgressText", money(awaited.amount), awaited.by]
      : ["inProgressTextUnnamed", money(awaited.amount)];
    return Object.assign(ending("inprogress", "warning", ["inProgressTitle"], line), {
      again: "settle",
      focus: "again",
    });
  }

  root.Counterfoil.Obstacle = Obstacle;
})(/** @type {any} */ (window));
