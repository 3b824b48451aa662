//! The kinds of personal data.

use serde::{Deserialize, Serialize};

/// The kinds of personal data that are found. Serialised in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PiiKind {
    /// A person's name, in parts or spelled.
    Name,
    /// An e-mail address, written or spoken ("jo dot doe at example dot com").
    Email,
    /// A telephone number.
    Phone,
    /// A payment card number (13 to 19 digits that pass the Luhn check, or what is said to be one).
    Card,
    /// The code on the back of a payment card.
    CardSecurityCode,
    /// Until when a payment card is valid.
    CardExpiry,
    /// An international bank account number (ISO 13616).
    Iban,
    /// A number that a state gave a person: social security, tax, personal code.
    NationalId,
    /// A street line, a postcode, or both with the city.
    Address,
    /// A date of birth; other dates are none.
    DateOfBirth,
    /// A number of an account, customer, member or policy, or of a bank's branch.
    Account,
    /// A passport number.
    Passport,
    /// The number of a driving licence.
    DrivingLicence,
    /// A PIN or one-time code.
    Pin,
    /// A password.
    Password,
    /// An IP address.
    IpAddress,
}

impl PiiKind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Name,
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::CardSecurityCode,
        Self::CardExpiry,
        Self::Iban,
        Self::NationalId,
        Self::Address,
        Self::DateOfBirth,
        Self::Account,
        Self::Passport,
        Self::DrivingLicence,
        Self::Pin,
        Self::Password,
        Self::IpAddress,
    ];

    /// Its name in snake case, as it is serialised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::CardSecurityCode => "card_security_code",
            Self::CardExpiry => "card_expiry",
            Self::Iban => "iban",
            Self::NationalId => "national_id",
            Self::Address => "address",
            Self::DateOfBirth => "date_of_birth",
            Self::Account => "account",
            Self::Passport => "passport",
            Self::DrivingLicence => "driving_licence",
            Self::Pin => "pin",
            Self::Password => "password",
            Self::IpAddress => "ip_address",
        }
    }

    /// The kind that a name stands for: its own, or what other tools call it (`credit_card`, `person`, `ssn`,
    /// `postcode`, …), in any case and with any separators. `None` for a name that is not known.
    pub fn from_name(name: &str) -> Option<Self> {
        let plain: String = name
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
        Some(match plain.as_str() {
            "name" | "person" | "personname" | "per" | "fullname" | "firstname" | "lastname"
            | "surname" | "givenname" | "customername" | "agentname" | "patient"
            | "spelledname" => Self::Name,
            "email" | "emailaddress" | "mail" | "mailaddress" => Self::Email,
            "phone" | "phonenumber" | "telephone" | "telephonenumber" | "mobile"
            | "mobilenumber" | "tel" | "msisdn" | "fax" => Self::Phone,
            "card" | "creditcard" | "creditcardnumber" | "cardnumber" | "debitcard"
            | "paymentcard" | "pan" | "bankcard" | "ccnumber" => Self::Card,
            "cardsecuritycode" | "cvv" | "cvc" | "cvv2" | "csc" | "securitycode"
            | "creditcardcvv" | "cardcvv" => Self::CardSecurityCode,
            "cardexpiry" | "expiry" | "expirydate" | "cardexpirydate" | "expiration"
            | "expirationdate" | "creditcardexpiry" => Self::CardExpiry,
            "iban" | "ibancode" | "ibannumber" | "bankaccountiban" => Self::Iban,
            "nationalid"
            | "ssn"
            | "socialsecurity"
            | "socialsecuritynumber"
            | "usssn"
            | "nino"
            | "nationalinsurance"
            | "nationalinsurancenumber"
            | "uknino"
            | "personalcode"
            | "idnumber"
            | "id"
            | "taxid"
            | "tin"
            | "nationalidnumber"
            | "nationalidentifier"
            | "personalid"
            | "governmentid"
            | "identitynumber"
            | "idcard"
            | "nationalnumber"
            | "insee" => Self::NationalId,
            "address" | "postcode" | "postalcode" | "zip" | "zipcode" | "street"
            | "streetaddress" | "location" | "homeaddress" | "postaladdress" | "city" | "addr" => {
                Self::Address
            }
            "dateofbirth" | "dob" | "birthdate" | "birthday" | "birth" => Self::DateOfBirth,
            "account" | "accountnumber" | "bankaccount" | "bankaccountnumber" | "customerid"
            | "customernumber" | "membernumber" | "memberid" | "accountid" | "sortcode"
            | "routingnumber" | "policynumber" | "usbanknumber" | "customer" => Self::Account,
            "passport" | "passportnumber" | "uspassport" => Self::Passport,
            "drivinglicence"
            | "drivinglicense"
            | "driverslicense"
            | "driverlicense"
            | "driverslicence"
            | "usdriverlicense"
            | "licence"
            | "license"
            | "licensenumber"
            | "drivinglicencenumber" => Self::DrivingLicence,
            "pin" | "pincode" | "otp" | "onetimecode" | "verificationcode" => Self::Pin,
            "password" | "passcode" | "secret" | "passphrase" => Self::Password,
            "ipaddress" | "ip" | "ipv4" | "ipv6" => Self::IpAddress,
            _ => return None,
        })
    }

    /// What stands in a placeholder; short, since text behind an open bracket waits for it.
    pub(super) fn placeholder(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Card => "CARD",
            Self::CardSecurityCode => "CVV",
            Self::CardExpiry => "EXPIRY",
            Self::Iban => "IBAN",
            Self::NationalId => "ID",
            Self::Address => "ADDRESS",
            Self::DateOfBirth => "BIRTH",
            Self::Account => "ACCOUNT",
            Self::Passport => "PASSPORT",
            Self::DrivingLicence => "LICENCE",
            Self::Pin => "PIN",
            Self::Password => "PASSWORD",
            Self::IpAddress => "IP",
        }
    }
}
