// @ts-check
/* What makes sense after a payment processor said no: a closed table of its codes. */
(function (root) {
  "use strict";

  const REMEDIES = /** @type {Record<string, string[]>} */ ({
    InsufficientFunds: [
      "insufficient_funds",
      "card_velocity_exceeded",
      "withdrawal_count_limit_exceeded",
      "charge_exceeds_source_limit",
    ],
    UpdateCard: [
      "expired_card",
      "incorrect_number",
      "invalid_number",
      "incorrect_cvc",
      "invalid_cvc",
      "incorrect_zip",
      "incorrect_address",
      "invalid_expiry_month",
      "invalid_expiry_year",
      "new_account_information_available",
    ],
    Later: ["processing_error", "try_again_later", "issuer_not_available", "reenter_transaction"],
    OtherProfile: [
      "lost_card",
      "stolen_card",
      "fraudulent",
      "merchant_blacklist",
      "highest_risk_level",
      "pickup_card",
      "restricted_card",
      "security_violation",
      "stop_payment_order",
      "revocation_of_authorization",
      "revocation_of_all_authorizations",
      "account_closed",
      "no_account",
      "bank_account_restricted",
      "bank_account_unusable",
      "card_not_supported",
      "currency_not_supported",
    ],
  });
  const ADVICE = /** @type {Record<string, string>} */ ({
    do_not_try_again: "OtherProfile",
    try_again_later: "Later",
    confirm_card_data: "UpdateCard",
  });

  const Remedy = {
    /**
     * A shortage of funds keeps its own advice, else the bank's outranks ours.
     * @param {any} transaction
     * @returns {string} part of the keys of the texts: "next" and "reason" go before it
     */
    of: function (transaction) {
      const codes = [transaction.cfl_declinecode, transaction.cfl_resultcode];
      const known = Object.keys(REMEDIES).find((remedy) => REMEDIES[remedy].some((code) => codes.includes(code)));
      return known === "InsufficientFunds" ? known : ADVICE[transaction.cfl_advicecode] || known || "CallBank";
    },
  };

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Remedy = Remedy;
})(/** @type {any} */ (window));
