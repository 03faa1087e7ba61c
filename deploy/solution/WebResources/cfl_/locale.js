// @ts-check
/* How this user reads and writes: language of the texts, direction, number style. */
(function (root) {
  "use strict";

  // Windows locale ids of user settings and the tags that browsers understand.
  const TAGS = /** @type {Record<number, string>} */ ({
    1025: "ar-SA", 1026: "bg-BG", 1027: "ca-ES", 1028: "zh-TW", 1029: "cs-CZ", 1030: "da-DK", 1031: "de-DE", 1032: "el-GR",
    1033: "en-US", 1035: "fi-FI", 1036: "fr-FR", 1037: "he-IL", 1038: "hu-HU", 1040: "it-IT", 1041: "ja-JP", 1042: "ko-KR",
    1043: "nl-NL", 1044: "nb-NO", 1045: "pl-PL", 1046: "pt-BR", 1048: "ro-RO", 1049: "ru-RU", 1050: "hr-HR", 1051: "sk-SK",
    1053: "sv-SE", 1054: "th-TH", 1055: "tr-TR", 1057: "id-ID", 1058: "uk-UA", 1060: "sl-SI", 1061: "et-EE", 1062: "lv-LV",
    1063: "lt-LT", 1065: "fa-IR", 1066: "vi-VN", 1081: "hi-IN", 2052: "zh-CN", 2055: "de-CH", 2057: "en-GB", 2060: "fr-BE",
    2067: "nl-BE", 2070: "pt-PT", 3079: "de-AT", 3081: "en-AU", 3082: "es-ES", 3084: "fr-CA", 4105: "en-CA", 4108: "fr-CH",
    5129: "en-NZ", 6153: "en-IE", 7177: "en-ZA", 16393: "en-IN",
  });

  const RIGHT_TO_LEFT = /^(ar|fa|he|ur)\b/;

  const Locale = {
    /**
     * @param {Record<string, any> | null} settings the user's `usersettings` row, null when it cannot be read
     * @param {string} browserLanguage
     */
    of: function (settings, browserLanguage) {
      const own = settings || {};
      const formats = TAGS[own.localeid] || browserLanguage || "en-US";
      const interfaceTag = TAGS[own.uilanguageid] || TAGS[own.localeid] || browserLanguage || "en-US";
      const style = root.Counterfoil.Money.styleOf(formats);
      if (own.decimalsymbol) {
        style.decimal = own.decimalsymbol;
        style.group = own.numberseparator || "";
        style.sizes = groupSizes(own.numbergroupformat);
      }
      const direction = RIGHT_TO_LEFT.test(interfaceTag) ? "rtl" : "ltr";
      // A currency sign goes with its sentence, and our sentences are left-to-right.
      if (RIGHT_TO_LEFT.test(formats)) style.locale = "en-US";
      return {
        language: root.Counterfoil.Strings.languageOf(interfaceTag),
        direction: direction,
        style: style,
      };
    },
  };

  /** "3" or "3;2" as Windows writes it; "" or "0" means no grouping. @param {string | undefined} format */
  function groupSizes(format) {
    if (format === undefined || format === null) return [3];
    return format.split(/[;,]/).map(Number).filter((size) => size > 0);
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Locale = Locale;
})(/** @type {any} */ (window));
