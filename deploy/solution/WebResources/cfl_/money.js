// @ts-check
/* Amounts as people type and read them. Money is a whole number of minor units; no fraction is ever computed with. */
(function (root) {
  "use strict";

  /**
   * How one user writes numbers.
   * @typedef {{ decimal: string, group: string, sizes: number[], locale: string }} NumberStyle
   * @typedef {{ code: string, precision: number, symbol?: string }} Currency
   * @typedef {"empty" | "format" | "decimals" | "zero" | "huge"} Problem
   * @typedef {{ minor: number, problem?: undefined } | { minor?: undefined, problem: Problem }} Parsed
   */

  const MOST_DIGITS = 15; // what a double holds exactly

  const Money = {
    /**
     * What a person typed, read strictly in their own number style: for a German user "10.50" is a mistake, not 1050.
     * @param {string} text
     * @param {NumberStyle} style
     * @param {Currency} currency
     * @returns {Parsed}
     */
    parse: function (text, style, currency) {
      let rest = withoutSigns(plainCharacters(text), currency);
      if (rest === "") return { problem: "empty" };
      const negative = /^[-\u2212]/.test(rest);
      if (negative) rest = rest.slice(1).trim();

      const parts = rest.split(plainCharacters(style.decimal));
      const whole = ungrouped(parts[0], style);
      const fraction = parts.length > 1 ? parts[1] : "";
      if (parts.length > 2 || whole === null || !/^\d*$/.test(fraction) || whole + fraction === "") {
        return { problem: "format" };
      }
      if (fraction.length > currency.precision) return { problem: "decimals" };

      const digits = (whole + fraction.padEnd(currency.precision, "0")).replace(/^0+/, "");
      if (digits === "" || negative) return { problem: "zero" };
      if (digits.length > MOST_DIGITS) return { problem: "huge" };
      return { minor: Number(digits) };
    },

    /**
     * Minor units of an amount in an answer of the CRM: a JSON number, or a decimal string.
     * Below a quadrillion a double prints the very decimal it was read from, so its text is exact.
     * @param {number | string | null | undefined} value
     * @param {Currency} currency
     * @returns {number}
     */
    fromWire: function (value, currency) {
      if (value === null || value === undefined || value === "") return 0;
      const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value));
      if (!match) throw new RangeError("not an amount: " + value);
      const fraction = (match[3] || "").padEnd(currency.precision + 1, "0");
      const kept = Number(match[2] + fraction.slice(0, currency.precision));
      const rounded = fraction.charAt(currency.precision) >= "5" ? kept + 1 : kept;
      return match[1] && rounded !== 0 ? -rounded : rounded;
    },

    /**
     * The decimal numeral for a JSON body, "1250.00": written from digits, never computed.
     * @param {number} minor
     * @param {Currency} currency
     */
    numeral: function (minor, currency) {
      return joined(minor, currency, ".", "", []);
    },

    /**
     * What to put in the amount field: no grouping, the user's decimal symbol.
     * @param {number} minor
     * @param {Currency} currency
     * @param {NumberStyle} style
     */
    editable: function (minor, currency, style) {
      return joined(minor, currency, style.decimal, "", []);
    },

    /**
     * An amount to read, with its currency where the user's locale puts it.
     * @param {number} minor
     * @param {Currency} currency
     * @param {NumberStyle} style
     */
    format: function (minor, currency, style) {
      const digits = joined(Math.abs(minor), currency, style.decimal, style.group, style.sizes);
      let around;
      try {
        around = new Intl.NumberFormat(style.locale, { style: "currency", currency: currency.code }).formatToParts(
          minor < 0 ? -1 : 1,
        );
      } catch (unknownCurrencyOrLocale) {
        return (minor < 0 ? "-" : "") + digits + "\u00a0" + currency.code;
      }
      return around
        .filter((part) => part.type !== "decimal" && part.type !== "fraction" && part.type !== "group")
        .map((part) => (part.type === "integer" ? digits : part.value))
        .join("");
    },

    /**
     * The separators a locale uses, for a user whose settings cannot be read.
     * @param {string} locale
     * @returns {NumberStyle}
     */
    styleOf: function (locale) {
      /** @param {string} type */
      const find = (type) => {
        const part = new Intl.NumberFormat(locale, { minimumFractionDigits: 2 })
          .formatToParts(123456789.5)
          .find((one) => one.type === type);
        return part ? part.value : "";
      };
      return { decimal: find("decimal") || ".", group: find("group"), sizes: [3], locale: locale };
    },
  };

  /**
   * Full-width and Arabic digits, no-break spaces and typographic apostrophes as their plain fellows.
   * @param {string} text
   */
  function plainCharacters(text) {
    if (/^\s$/.test(text)) return " ";
    return text
      .normalize("NFKC")
      .replace(/[\u200e\u200f\u061c]/g, "")
      .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15))
      .replace(/\u2019/g, "'")
      .replace(/\s/g, " ")
      .trim();
  }

  /** A pasted "$ 10.50" or "10,50 EUR" without the currency. @param {string} text @param {Currency} currency */
  function withoutSigns(text, currency) {
    let rest = text;
    [currency.code, currency.symbol || ""].forEach((written) => {
      const sign = plainCharacters(written).toUpperCase();
      if (sign === "") return;
      if (rest.toUpperCase().startsWith(sign)) rest = rest.slice(sign.length).trim();
      else if (rest.toUpperCase().endsWith(sign)) rest = rest.slice(0, -sign.length).trim();
    });
    return rest;
  }

  /**
   * The digits of a whole number, or null: separators count only where thousands (or lakhs) are.
   * @param {string} text
   * @param {NumberStyle} style
   * @returns {string | null}
   */
  function ungrouped(text, style) {
    if (/^\d*$/.test(text)) return text;
    const separator = [plainCharacters(style.group), " "].find((one) => one !== "" && text.includes(one));
    if (separator === undefined) return null;
    const groups = text.split(separator);
    const sizes = style.sizes.length ? style.sizes : [3];
    const wellPlaced = groups.every((group, index) => {
      const size = sizes[Math.min(groups.length - 1 - index, sizes.length - 1)];
      const long = index === 0 ? group.length >= 1 && group.length <= size : group.length === size;
      return long && /^\d+$/.test(group);
    });
    return wellPlaced && groups[0].charAt(0) !== "0" ? groups.join("") : null;
  }

  /**
   * @param {number} minor
   * @param {Currency} currency
   * @param {string} decimal
   * @param {string} group
   * @param {number[]} sizes
   */
  function joined(minor, currency, decimal, group, sizes) {
    const digits = String(Math.abs(minor)).padStart(currency.precision + 1, "0");
    const cut = digits.length - currency.precision;
    const whole = withGroups(digits.slice(0, cut), group, sizes);
    const sign = minor < 0 ? "-" : "";
    return sign + whole + (currency.precision ? decimal + digits.slice(cut) : "");
  }

  /** @param {string} whole @param {string} group @param {number[]} sizes */
  function withGroups(whole, group, sizes) {
    if (group === "" || !sizes.length) return whole;
    const groups = [];
    let rest = whole;
    for (let nth = 0; rest !== ""; nth += 1) {
      const size = sizes[Math.min(nth, sizes.length - 1)];
      groups.unshift(rest.slice(-size));
      rest = rest.slice(0, -size);
    }
    return groups.join(group);
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Money = Money;
})(/** @type {any} */ (window));
