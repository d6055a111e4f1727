/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the lexicon (detect_words.c includes it once): LABEL(meaning, "phrase in lower case"), or a whole row. */
/* clang-format off */

LABEL(MEANS_PHONE, "phone") LABEL(MEANS_PHONE, "telephone") LABEL(MEANS_PHONE, "tel") LABEL(MEANS_PHONE, "mobile")
LABEL(MEANS_PHONE, "cell") LABEL(MEANS_PHONE, "cellphone") LABEL(MEANS_PHONE, "fax") LABEL(MEANS_PHONE, "whatsapp")
LABEL(MEANS_PHONE, "call") LABEL(MEANS_PHONE, "calling") LABEL(MEANS_PHONE, "called") LABEL(MEANS_PHONE, "ring me")
LABEL(MEANS_PHONE, "sms") LABEL(MEANS_PHONE, "desk") LABEL(MEANS_PHONE, "dial") LABEL(MEANS_PHONE, "reach")
LABEL(MEANS_PHONE, "hotline") LABEL(MEANS_PHONE, "text me") LABEL(MEANS_PHONE, "answering") LABEL(MEANS_PHONE, "callback")
LABEL(MEANS_PHONE, "messages to") LABEL(MEANS_PHONE, "contact number") LABEL(MEANS_PHONE, "landline")
LABEL(MEANS_PHONE, "ph") LABEL(MEANS_PHONE, "msisdn") LABEL(MEANS_PHONE, "signal") LABEL(MEANS_PHONE, "pager")
LABEL(MEANS_PHONE, "telefon") LABEL(MEANS_PHONE, "telefonnummer") LABEL(MEANS_PHONE, "handy") LABEL(MEANS_PHONE, "handynummer")
LABEL(MEANS_PHONE, "rufnummer") LABEL(MEANS_PHONE, "mobil") LABEL(MEANS_PHONE, "mobilnummer") LABEL(MEANS_PHONE, "tlf")
LABEL(MEANS_PHONE, "telefono") LABEL(MEANS_PHONE, "tel\xc3\xa9" "fono") LABEL(MEANS_PHONE, "m\xc3\xb3vil")
LABEL(MEANS_PHONE, "celular") LABEL(MEANS_PHONE, "tfno") LABEL(MEANS_PHONE, "tlfno") LABEL(MEANS_PHONE, "portable")
LABEL(MEANS_PHONE, "t\xc3\xa9l\xc3\xa9phone") LABEL(MEANS_PHONE, "t\xc3\xa9l") LABEL(MEANS_PHONE, "cellulare")
LABEL(MEANS_PHONE, "telefone") LABEL(MEANS_PHONE, "telem\xc3\xb3vel") LABEL(MEANS_PHONE, "telefoon") LABEL(MEANS_PHONE, "mobiel")
LABEL(MEANS_PHONE, "puhelin") LABEL(MEANS_PHONE, "puh") LABEL(MEANS_PHONE, "numer telefonu") LABEL(MEANS_PHONE, "telefonu")
LABEL(MEANS_PHONE, "\xd1\x82\xd0\xb5\xd0\xbb\xd0\xb5\xd1\x84\xd0\xbe\xd0\xbd") LABEL(MEANS_PHONE, "\xd1\x82\xd0\xb5\xd0\xbb")
LABEL(MEANS_PHONE, "\xe7\x94\xb5\xe8\xaf\x9d") LABEL(MEANS_PHONE, "\xe9\x9b\xbb\xe8\xa9\xb1") LABEL(MEANS_PHONE, "\xe6\x89\x8b\xe6\x9c\xba")
LABEL(MEANS_PHONE, "\xec\xa0\x84\xed\x99\x94")

LABEL(MEANS_CARD, "card") LABEL(MEANS_CARD, "credit") LABEL(MEANS_CARD, "cc") LABEL(MEANS_CARD, "visa") LABEL(MEANS_CARD, "mastercard")
LABEL(MEANS_CARD, "amex") LABEL(MEANS_CARD, "maestro") LABEL(MEANS_CARD, "karte") LABEL(MEANS_CARD, "kreditkarte")
LABEL(MEANS_CARD, "kartennummer") LABEL(MEANS_CARD, "tarjeta") LABEL(MEANS_CARD, "carte") LABEL(MEANS_CARD, "debit")
LABEL(MEANS_CARD, "carta") LABEL(MEANS_CARD, "cart\xc3\xa3o") LABEL(MEANS_CARD, "creditcard")
LABEL(MEANS_CARD, "\xe5\x8d\xa1\xe5\x8f\xb7")

LABEL(MEANS_SSN, "ssn") LABEL(MEANS_SSN, "social security") LABEL(MEANS_SSN, "soc sec") LABEL(MEANS_SSN, "itin")
LABEL(MEANS_SSN, "taxpayer") LABEL(MEANS_SSN, "tax id") LABEL(MEANS_SSN, "tin") LABEL(MEANS_SSN, "ein")
LABEL(MEANS_SSN, "seguro social") LABEL(MEANS_SSN, "ss#") LABEL(MEANS_SSN, "socials")

LABEL(MEANS_ACCOUNT, "account") LABEL(MEANS_ACCOUNT, "acct") LABEL(MEANS_ACCOUNT, "bank account") LABEL(MEANS_ACCOUNT, "a/c")
LABEL(MEANS_ACCOUNT, "routing") LABEL(MEANS_ACCOUNT, "aba") LABEL(MEANS_ACCOUNT, "sort code") LABEL(MEANS_ACCOUNT, "bic")
LABEL(MEANS_ACCOUNT, "swift code") LABEL(MEANS_ACCOUNT, "swift bic") LABEL(MEANS_ACCOUNT, "ifsc") LABEL(MEANS_ACCOUNT, "bsb")
LABEL(MEANS_ACCOUNT, "konto") LABEL(MEANS_ACCOUNT, "kontonummer") LABEL(MEANS_ACCOUNT, "bankleitzahl") LABEL(MEANS_ACCOUNT, "blz")
LABEL(MEANS_ACCOUNT, "cuenta") LABEL(MEANS_ACCOUNT, "cuenta bancaria") LABEL(MEANS_ACCOUNT, "compte") LABEL(MEANS_ACCOUNT, "conto corrente")
LABEL(MEANS_ACCOUNT, "conta") LABEL(MEANS_ACCOUNT, "rekening") LABEL(MEANS_ACCOUNT, "rekeningnummer") LABEL(MEANS_ACCOUNT, "bankgiro")
LABEL(MEANS_ACCOUNT, "iban") LABEL(MEANS_ACCOUNT, "ccc") LABEL(MEANS_ACCOUNT, "clabe") LABEL(MEANS_ACCOUNT, "beneficiary")

LABEL(MEANS_PASSPORT, "passport") LABEL(MEANS_PASSPORT, "reisepass") LABEL(MEANS_PASSPORT, "reisepassnummer")
LABEL(MEANS_PASSPORT, "passnummer") LABEL(MEANS_PASSPORT, "pasaporte") LABEL(MEANS_PASSPORT, "passeport")
LABEL(MEANS_PASSPORT, "passaporto") LABEL(MEANS_PASSPORT, "passaporte") LABEL(MEANS_PASSPORT, "paspoort") LABEL(MEANS_PASSPORT, "paszport")
LABEL(MEANS_PASSPORT, "paszportu") LABEL(MEANS_PASSPORT, "visa number") LABEL(MEANS_PASSPORT, "visa no") LABEL(MEANS_PASSPORT, "travel document")
LABEL(MEANS_PASSPORT, "\xd0\xbf\xd0\xb0\xd1\x81\xd0\xbf\xd0\xbe\xd1\x80\xd1\x82") LABEL(MEANS_PASSPORT, "\xe6\x8a\xa4\xe7\x85\xa7")
LABEL(MEANS_PASSPORT, "\xe3\x83\x91\xe3\x82\xb9\xe3\x83\x9d\xe3\x83\xbc\xe3\x83\x88")

LABEL(MEANS_LICENSE, "driver license") LABEL(MEANS_LICENSE, "drivers license") LABEL(MEANS_LICENSE, "driver's license")
LABEL(MEANS_LICENSE, "driver licence") LABEL(MEANS_LICENSE, "drivers licence") LABEL(MEANS_LICENSE, "driver's licence")
LABEL(MEANS_LICENSE, "driving licence") LABEL(MEANS_LICENSE, "driving license") LABEL(MEANS_LICENSE, "dl") LABEL(MEANS_LICENSE, "dl#")
LABEL(MEANS_LICENSE, "driver\xe2\x80\x99s license") LABEL(MEANS_LICENSE, "driver\xe2\x80\x99s licence")
LABEL(MEANS_LICENSE, "f\xc3\xbchrerschein") LABEL(MEANS_LICENSE, "f\xc3\xbchrerscheinnummer") LABEL(MEANS_LICENSE, "permis de conduire")
LABEL(MEANS_LICENSE, "permiso de conducir") LABEL(MEANS_LICENSE, "carnet de conducir") LABEL(MEANS_LICENSE, "licencia de conducir")
LABEL(MEANS_LICENSE, "patente di guida") LABEL(MEANS_LICENSE, "carta de condu\xc3\xa7\xc3\xa3o") LABEL(MEANS_LICENSE, "cnh")
LABEL(MEANS_LICENSE, "rijbewijs") LABEL(MEANS_LICENSE, "k\xc3\xb6rkort") LABEL(MEANS_LICENSE, "prawo jazdy") LABEL(MEANS_LICENSE, "dvla")

LABEL(MEANS_RECORD, "mrn") LABEL(MEANS_RECORD, "medical record") LABEL(MEANS_RECORD, "medical record number") LABEL(MEANS_RECORD, "patient id")
LABEL(MEANS_RECORD, "patient number") LABEL(MEANS_RECORD, "patient no") LABEL(MEANS_RECORD, "chart number") LABEL(MEANS_RECORD, "nhc")
LABEL(MEANS_RECORD, "historia cl\xc3\xadnica") LABEL(MEANS_RECORD, "historia clinica") LABEL(MEANS_RECORD, "hospital number")
LABEL(MEANS_RECORD, "health id") LABEL(MEANS_RECORD, "health insurance") LABEL(MEANS_RECORD, "insurance id") LABEL(MEANS_RECORD, "insurance")
LABEL(MEANS_RECORD, "insurance number") LABEL(MEANS_RECORD, "nass") LABEL(MEANS_RECORD, "cipa") LABEL(MEANS_RECORD, "episodio") LABEL(MEANS_RECORD, "n\xc2\xba episodio")
LABEL(MEANS_RECORD, "medicaid") LABEL(MEANS_RECORD, "mbi") LABEL(MEANS_RECORD, "versichertennummer") LABEL(MEANS_RECORD, "krankenversichertennummer")
LABEL(MEANS_RECORD, "patientennummer") LABEL(MEANS_RECORD, "num\xc3\xa9ro de patient") LABEL(MEANS_RECORD, "accession")
LABEL(MEANS_RECORD, "prescription number") LABEL(MEANS_RECORD, "rx") LABEL(MEANS_RECORD, "cip") LABEL(MEANS_RECORD, "n\xc3\xbamero de asegurado")

LABEL(MEANS_DOCTOR, "npi") LABEL(MEANS_DOCTOR, "dea") LABEL(MEANS_DOCTOR, "medical license") LABEL(MEANS_DOCTOR, "medical licence")
LABEL(MEANS_DOCTOR, "license number") LABEL(MEANS_DOCTOR, "licence number") LABEL(MEANS_DOCTOR, "license no") LABEL(MEANS_DOCTOR, "licence no")
LABEL(MEANS_DOCTOR, "gmc") LABEL(MEANS_DOCTOR, "ncol") LABEL(MEANS_DOCTOR, "n\xc2\xba" "col") LABEL(MEANS_DOCTOR, "n\xc2\xba col")
LABEL(MEANS_DOCTOR, "n\xc2\xba de colegiado") LABEL(MEANS_DOCTOR, "colegiado") LABEL(MEANS_DOCTOR, "rpps") LABEL(MEANS_DOCTOR, "lanr")
LABEL(MEANS_DOCTOR, "arztnummer") LABEL(MEANS_DOCTOR, "col") LABEL(MEANS_DOCTOR, "license") LABEL(MEANS_DOCTOR, "licence")

LABEL(MEANS_NATIONAL, "national id") LABEL(MEANS_NATIONAL, "national identity") LABEL(MEANS_NATIONAL, "identity card") LABEL(MEANS_NATIONAL, "id card")
LABEL(MEANS_NATIONAL, "identity number") LABEL(MEANS_NATIONAL, "identity no") LABEL(MEANS_NATIONAL, "identification number")
LABEL(MEANS_NATIONAL, "national insurance") LABEL(MEANS_NATIONAL, "nino") LABEL(MEANS_NATIONAL, "nhs") LABEL(MEANS_NATIONAL, "nhs number")
LABEL(MEANS_NATIONAL, "social insurance") LABEL(MEANS_NATIONAL, "tax file") LABEL(MEANS_NATIONAL, "tfn") LABEL(MEANS_NATIONAL, "medicare")
LABEL(MEANS_NATIONAL, "tax number") LABEL(MEANS_NATIONAL, "tax code") LABEL(MEANS_NATIONAL, "personal number") LABEL(MEANS_NATIONAL, "personal code")
LABEL(MEANS_NATIONAL, "national number") LABEL(MEANS_NATIONAL, "citizen id") LABEL(MEANS_NATIONAL, "resident id") LABEL(MEANS_NATIONAL, "ird")
LABEL(MEANS_NATIONAL, "utr") LABEL(MEANS_NATIONAL, "sin number") LABEL(MEANS_NATIONAL, "pps") LABEL(MEANS_NATIONAL, "ppsn") LABEL(MEANS_NATIONAL, "nhi")
LABEL(MEANS_NATIONAL, "dni") LABEL(MEANS_NATIONAL, "nif") LABEL(MEANS_NATIONAL, "nie") LABEL(MEANS_NATIONAL, "c\xc3\xa9" "dula") LABEL(MEANS_NATIONAL, "cedula")
LABEL(MEANS_NATIONAL, "curp") LABEL(MEANS_NATIONAL, "rfc number") LABEL(MEANS_NATIONAL, "rut") LABEL(MEANS_NATIONAL, "cuil") LABEL(MEANS_NATIONAL, "cuit")
LABEL(MEANS_NATIONAL, "documento de identidad") LABEL(MEANS_NATIONAL, "n\xc3\xbamero de identificaci\xc3\xb3n")
LABEL(MEANS_NATIONAL, "n\xc3\xbamero de seguridad social") LABEL(MEANS_NATIONAL, "n\xc3\xbamero de la seguridad social")
LABEL(MEANS_NATIONAL, "cpf") LABEL(MEANS_NATIONAL, "rg") LABEL(MEANS_NATIONAL, "cart\xc3\xa3o de cidad\xc3\xa3o") LABEL(MEANS_NATIONAL, "niss")
LABEL(MEANS_NATIONAL, "contribuinte") LABEL(MEANS_NATIONAL, "codice fiscale") LABEL(MEANS_NATIONAL, "carta d'identit\xc3\xa0")
LABEL(MEANS_NATIONAL, "num\xc3\xa9ro de s\xc3\xa9" "curit\xc3\xa9 sociale") LABEL(MEANS_NATIONAL, "s\xc3\xa9" "curit\xc3\xa9 sociale")
LABEL(MEANS_NATIONAL, "nss") LABEL(MEANS_NATIONAL, "nir") LABEL(MEANS_NATIONAL, "carte d'identit\xc3\xa9") LABEL(MEANS_NATIONAL, "cni")
LABEL(MEANS_NATIONAL, "personalausweis") LABEL(MEANS_NATIONAL, "ausweisnummer") LABEL(MEANS_NATIONAL, "personalausweisnummer")
LABEL(MEANS_NATIONAL, "steuer id") LABEL(MEANS_NATIONAL, "steueridentifikationsnummer") LABEL(MEANS_NATIONAL, "steuernummer")
LABEL(MEANS_NATIONAL, "identifikationsnummer") LABEL(MEANS_NATIONAL, "sozialversicherungsnummer") LABEL(MEANS_NATIONAL, "rentenversicherungsnummer")
LABEL(MEANS_NATIONAL, "svnr") LABEL(MEANS_NATIONAL, "sv nummer") LABEL(MEANS_NATIONAL, "ahv") LABEL(MEANS_NATIONAL, "avs")
LABEL(MEANS_NATIONAL, "bsn") LABEL(MEANS_NATIONAL, "burgerservicenummer") LABEL(MEANS_NATIONAL, "rijksregisternummer") LABEL(MEANS_NATIONAL, "num\xc3\xa9ro national")
LABEL(MEANS_NATIONAL, "personnummer") LABEL(MEANS_NATIONAL, "f\xc3\xb8" "dselsnummer") LABEL(MEANS_NATIONAL, "cpr") LABEL(MEANS_NATIONAL, "cpr nummer")
LABEL(MEANS_NATIONAL, "henkil\xc3\xb6tunnus") LABEL(MEANS_NATIONAL, "hetu") LABEL(MEANS_NATIONAL, "kennitala") LABEL(MEANS_NATIONAL, "isikukood")
LABEL(MEANS_NATIONAL, "asmens kodas") LABEL(MEANS_NATIONAL, "personas kods") LABEL(MEANS_NATIONAL, "pesel") LABEL(MEANS_NATIONAL, "rodn\xc3\xa9 \xc4\x8d\xc3\xadslo")
LABEL(MEANS_NATIONAL, "dow\xc3\xb3" "d osobisty") LABEL(MEANS_NATIONAL, "taj") LABEL(MEANS_NATIONAL, "taj sz\xc3\xa1m") LABEL(MEANS_NATIONAL, "cnp")
LABEL(MEANS_NATIONAL, "egn") LABEL(MEANS_NATIONAL, "\xd0\x95\xd0\x93\xd0\x9d") LABEL(MEANS_NATIONAL, "oib") LABEL(MEANS_NATIONAL, "jmbg")
LABEL(MEANS_NATIONAL, "em\xc5\xa1o") LABEL(MEANS_NATIONAL, "amka") LABEL(MEANS_NATIONAL, "afm") LABEL(MEANS_NATIONAL, "\xce\x91\xce\x9c\xce\x9a\xce\x91")
LABEL(MEANS_NATIONAL, "\xce\x91\xce\xa6\xce\x9c") LABEL(MEANS_NATIONAL, "tckn") LABEL(MEANS_NATIONAL, "tc kimlik") LABEL(MEANS_NATIONAL, "kimlik no")
LABEL(MEANS_NATIONAL, "\xd0\x98\xd0\x9d\xd0\x9d") LABEL(MEANS_NATIONAL, "\xd0\xa1\xd0\x9d\xd0\x98\xd0\x9b\xd0\xa1") LABEL(MEANS_NATIONAL, "snils")
LABEL(MEANS_NATIONAL, "iin") LABEL(MEANS_NATIONAL, "rnokpp") LABEL(MEANS_NATIONAL, "idnp") LABEL(MEANS_NATIONAL, "aadhaar") LABEL(MEANS_NATIONAL, "aadhar")
LABEL(MEANS_NATIONAL, "pan card") LABEL(MEANS_NATIONAL, "pan number") LABEL(MEANS_NATIONAL, "nric") LABEL(MEANS_NATIONAL, "hkid") LABEL(MEANS_NATIONAL, "mykad")
LABEL(MEANS_NATIONAL, "nik") LABEL(MEANS_NATIONAL, "ktp") LABEL(MEANS_NATIONAL, "cnic") LABEL(MEANS_NATIONAL, "emirates id") LABEL(MEANS_NATIONAL, "iqama")
LABEL(MEANS_NATIONAL, "teudat zehut") LABEL(MEANS_NATIONAL, "sa id") LABEL(MEANS_NATIONAL, "rsa id") LABEL(MEANS_NATIONAL, "my number")
LABEL(MEANS_NATIONAL, "\xe8\xba\xab\xe4\xbb\xbd\xe8\xaf\x81") LABEL(MEANS_NATIONAL, "\xe8\xba\xab\xe5\x88\x86\xe8\xad\x89")
LABEL(MEANS_NATIONAL, "\xe3\x83\x9e\xe3\x82\xa4\xe3\x83\x8a\xe3\x83\xb3\xe3\x83\x90\xe3\x83\xbc") LABEL(MEANS_NATIONAL, "\xec\xa3\xbc\xeb\xaf\xbc")

LABEL(MEANS_ID, "employee id") LABEL(MEANS_ID, "employee number") LABEL(MEANS_ID, "employee no") LABEL(MEANS_ID, "staff id") LABEL(MEANS_ID, "empid")
LABEL(MEANS_ID, "customer id") LABEL(MEANS_ID, "customer number") LABEL(MEANS_ID, "customer no") LABEL(MEANS_ID, "client id number")
LABEL(MEANS_ID, "member id") LABEL(MEANS_ID, "membership number") LABEL(MEANS_ID, "member number") LABEL(MEANS_ID, "student id") LABEL(MEANS_ID, "student number")
LABEL(MEANS_ID, "policy number") LABEL(MEANS_ID, "policy no") LABEL(MEANS_ID, "policy") LABEL(MEANS_ID, "insurance policy") LABEL(MEANS_ID, "claim number")
LABEL(MEANS_ID, "badge number") LABEL(MEANS_ID, "id number") LABEL(MEANS_ID, "id no") LABEL(MEANS_ID, "voter id") LABEL(MEANS_ID, "imei") LABEL(MEANS_ID, "imsi")
LABEL(MEANS_ID, "loyalty number") LABEL(MEANS_ID, "frequent flyer") LABEL(MEANS_ID, "case number") LABEL(MEANS_ID, "inmate number") LABEL(MEANS_ID, "account id")
LABEL(MEANS_ID, "kundennummer") LABEL(MEANS_ID, "mitgliedsnummer") LABEL(MEANS_ID, "personalnummer") LABEL(MEANS_ID, "matrikelnummer") LABEL(MEANS_ID, "versicherungsnummer")
LABEL(MEANS_ID, "n\xc3\xbamero de cliente") LABEL(MEANS_ID, "n\xc3\xbamero de empleado") LABEL(MEANS_ID, "p\xc3\xb3liza") LABEL(MEANS_ID, "num\xc3\xa9ro client")
LABEL(MEANS_ID, "num\xc3\xa9ro d'adh\xc3\xa9rent") LABEL(MEANS_ID, "biometric id") LABEL(MEANS_ID, "tax id number")

LABEL(MEANS_BIRTH, "dob") LABEL(MEANS_BIRTH, "d o b") LABEL(MEANS_BIRTH, "date of birth") LABEL(MEANS_BIRTH, "birth date") LABEL(MEANS_BIRTH, "birthday")
LABEL(MEANS_BIRTH, "birth") LABEL(MEANS_BIRTH, "born") LABEL(MEANS_BIRTH, "bday") LABEL(MEANS_BIRTH, "geboren") LABEL(MEANS_BIRTH, "geburtsdatum") LABEL(MEANS_BIRTH, "geb")
LABEL(MEANS_BIRTH, "geburtstag") LABEL(MEANS_BIRTH, "fecha de nacimiento") LABEL(MEANS_BIRTH, "nacido") LABEL(MEANS_BIRTH, "nacida") LABEL(MEANS_BIRTH, "naci\xc3\xb3")
LABEL(MEANS_BIRTH, "nacimiento") LABEL(MEANS_BIRTH, "n\xc3\xa9 le") LABEL(MEANS_BIRTH, "n\xc3\xa9" "e le") LABEL(MEANS_BIRTH, "date de naissance") LABEL(MEANS_BIRTH, "naissance")
LABEL(MEANS_BIRTH, "data di nascita") LABEL(MEANS_BIRTH, "nato") LABEL(MEANS_BIRTH, "nata") LABEL(MEANS_BIRTH, "data de nascimento") LABEL(MEANS_BIRTH, "nascido")
LABEL(MEANS_BIRTH, "nascida") LABEL(MEANS_BIRTH, "geboortedatum") LABEL(MEANS_BIRTH, "f\xc3\xb6" "delsedatum") LABEL(MEANS_BIRTH, "f\xc3\xb8" "dselsdato")
LABEL(MEANS_BIRTH, "f\xc3\xb6" "dd") LABEL(MEANS_BIRTH, "f\xc3\xb8" "dt") LABEL(MEANS_BIRTH, "data urodzenia") LABEL(MEANS_BIRTH, "urodzony") LABEL(MEANS_BIRTH, "urodzona")
LABEL(MEANS_BIRTH, "syntym\xc3\xa4" "aika") LABEL(MEANS_BIRTH, "datum narozen\xc3\xad") LABEL(MEANS_BIRTH, "do\xc4\x9fum tarihi")
LABEL(MEANS_BIRTH, "\xe5\x87\xba\xe7\x94\x9f") LABEL(MEANS_BIRTH, "\xe7\x94\x9f\xe5\xb9\xb4\xe6\x9c\x88\xe6\x97\xa5") LABEL(MEANS_BIRTH, "\xd1\x80\xd0\xbe\xd0\xb4\xd0\xb8\xd0\xbb\xd1\x81\xd1\x8f")

LABEL(MEANS_AGE, "age") LABEL(MEANS_AGE, "aged") LABEL(MEANS_AGE, "turned") LABEL(MEANS_AGE, "turns") LABEL(MEANS_AGE, "edad") LABEL(MEANS_AGE, "alter") LABEL(MEANS_AGE, "\xc3\xa2ge") LABEL(MEANS_AGE, "idade") LABEL(MEANS_AGE, "et\xc3\xa0")
LABEL(MEANS_AGE, "leeftijd") LABEL(MEANS_AGE, "wiek") LABEL(MEANS_AGE, "alder") LABEL(MEANS_AGE, "\xc3\xa5lder")
{"years old", WORD_AGE_AFTER, 0}, {"year old", WORD_AGE_AFTER, 0}, {"yo", WORD_AGE_AFTER, 0}, {"y/o", WORD_AGE_AFTER, 0}, {"yrs old", WORD_AGE_AFTER, 0},
{"years of age", WORD_AGE_AFTER, 0}, {"yr old", WORD_AGE_AFTER, 0}, {"months old", WORD_AGE_AFTER, 0}, {"month old", WORD_AGE_AFTER, 0},
{"a\xc3\xb1os", WORD_AGE_AFTER, 1}, {"jahre alt", WORD_AGE_AFTER, 1}, {"anni", WORD_AGE_AFTER, 1}, {"anos de idade", WORD_AGE_AFTER, 1},
{"meses de edad", WORD_AGE_AFTER, 1}, {"d\xc3\xad" "as de edad", WORD_AGE_AFTER, 1}, {"jaar oud", WORD_AGE_AFTER, 1}, {"\xc3\xa5r gammal", WORD_AGE_AFTER, 1}, {"j\xc3\xa4hrig", WORD_AGE_AFTER, 0},

LABEL(MEANS_PLATE, "license plate") LABEL(MEANS_PLATE, "licence plate") LABEL(MEANS_PLATE, "number plate") LABEL(MEANS_PLATE, "plate") LABEL(MEANS_PLATE, "plate number")
LABEL(MEANS_PLATE, "vehicle registration") LABEL(MEANS_PLATE, "car registration") LABEL(MEANS_PLATE, "reg plate") LABEL(MEANS_PLATE, "kennzeichen") LABEL(MEANS_PLATE, "matr\xc3\xad" "cula")
LABEL(MEANS_PLATE, "plaque") LABEL(MEANS_PLATE, "immatriculation") LABEL(MEANS_PLATE, "targa") LABEL(MEANS_PLATE, "kenteken") LABEL(MEANS_PLATE, "placa") LABEL(MEANS_PLATE, "plates")
LABEL(MEANS_VIN, "vin") LABEL(MEANS_VIN, "vehicle identification number") LABEL(MEANS_VIN, "chassis number") LABEL(MEANS_VIN, "fahrgestellnummer")

LABEL(MEANS_POSTCODE, "zip") LABEL(MEANS_POSTCODE, "zip code") LABEL(MEANS_POSTCODE, "zipcode") LABEL(MEANS_POSTCODE, "postcode") LABEL(MEANS_POSTCODE, "postal code")
LABEL(MEANS_POSTCODE, "post code") LABEL(MEANS_POSTCODE, "plz") LABEL(MEANS_POSTCODE, "postleitzahl") LABEL(MEANS_POSTCODE, "cp") LABEL(MEANS_POSTCODE, "c p")
LABEL(MEANS_POSTCODE, "c\xc3\xb3" "digo postal") LABEL(MEANS_POSTCODE, "codigo postal") LABEL(MEANS_POSTCODE, "code postal") LABEL(MEANS_POSTCODE, "cep")
LABEL(MEANS_POSTCODE, "pincode") LABEL(MEANS_POSTCODE, "pin code") LABEL(MEANS_POSTCODE, "postnummer") LABEL(MEANS_POSTCODE, "postnr") LABEL(MEANS_POSTCODE, "kod pocztowy") LABEL(MEANS_POSTCODE, "ps\xc4\x8d")

LABEL(MEANS_COORDINATE, "lat") LABEL(MEANS_COORDINATE, "latitude") LABEL(MEANS_COORDINATE, "lon") LABEL(MEANS_COORDINATE, "lng") LABEL(MEANS_COORDINATE, "longitude") LABEL(MEANS_COORDINATE, "gps")
LABEL(MEANS_COORDINATE, "coordinates") LABEL(MEANS_COORDINATE, "latlng") LABEL(MEANS_COORDINATE, "koordinaten") LABEL(MEANS_COORDINATE, "coordenadas") LABEL(MEANS_COORDINATE, "coords")

LABEL(MEANS_ADDRESS, "address") LABEL(MEANS_ADDRESS, "addr") LABEL(MEANS_ADDRESS, "residing at") LABEL(MEANS_ADDRESS, "resides at") LABEL(MEANS_ADDRESS, "reside at") LABEL(MEANS_ADDRESS, "lives at")
LABEL(MEANS_ADDRESS, "live at") LABEL(MEANS_ADDRESS, "living at") LABEL(MEANS_ADDRESS, "lived at") LABEL(MEANS_ADDRESS, "located at") LABEL(MEANS_ADDRESS, "ship to") LABEL(MEANS_ADDRESS, "sent to")
LABEL(MEANS_ADDRESS, "deliver to") LABEL(MEANS_ADDRESS, "delivered to") LABEL(MEANS_ADDRESS, "arrived at") LABEL(MEANS_ADDRESS, "office is at") LABEL(MEANS_ADDRESS, "moved to") LABEL(MEANS_ADDRESS, "send it to")
LABEL(MEANS_ADDRESS, "adresse") LABEL(MEANS_ADDRESS, "anschrift") LABEL(MEANS_ADDRESS, "wohnhaft") LABEL(MEANS_ADDRESS, "direcci\xc3\xb3n") LABEL(MEANS_ADDRESS, "direccion") LABEL(MEANS_ADDRESS, "domicilio")
LABEL(MEANS_ADDRESS, "indirizzo") LABEL(MEANS_ADDRESS, "residente") LABEL(MEANS_ADDRESS, "endere\xc3\xa7o") LABEL(MEANS_ADDRESS, "morada") LABEL(MEANS_ADDRESS, "adres") LABEL(MEANS_ADDRESS, "adress")
LABEL(MEANS_ADDRESS, "domicile") LABEL(MEANS_ADDRESS, "habite") LABEL(MEANS_ADDRESS, "osoite") LABEL(MEANS_ADDRESS, "\xd0\xb0\xd0\xb4\xd1\x80\xd0\xb5\xd1\x81") LABEL(MEANS_ADDRESS, "new one to") LABEL(MEANS_ADDRESS, "visit us at") LABEL(MEANS_ADDRESS, "return to") LABEL(MEANS_ADDRESS, "lived in") LABEL(MEANS_ADDRESS, "live in") LABEL(MEANS_ADDRESS, "dirigirse a") LABEL(MEANS_ADDRESS, "addresses")

LABEL(MEANS_PASSWORD, "password") LABEL(MEANS_PASSWORD, "passwd") LABEL(MEANS_PASSWORD, "pwd") LABEL(MEANS_PASSWORD, "passphrase") LABEL(MEANS_PASSWORD, "passwort") LABEL(MEANS_PASSWORD, "kennwort")
LABEL(MEANS_PASSWORD, "contrase\xc3\xb1" "a") LABEL(MEANS_PASSWORD, "mot de passe") LABEL(MEANS_PASSWORD, "senha") LABEL(MEANS_PASSWORD, "wachtwoord") LABEL(MEANS_PASSWORD, "passcode") LABEL(MEANS_PASSWORD, "pin")
LABEL(MEANS_NUMBER, "number") LABEL(MEANS_NUMBER, "contact") LABEL(MEANS_NUMBER, "registered") LABEL(MEANS_NUMBER, "nummer") LABEL(MEANS_NUMBER, "n\xc3\xbamero") LABEL(MEANS_NUMBER, "numero") LABEL(MEANS_NUMBER, "ring") LABEL(MEANS_NUMBER, "telf")
LABEL(MEANS_VERSION, "version") LABEL(MEANS_VERSION, "release") LABEL(MEANS_VERSION, "firmware") LABEL(MEANS_VERSION, "ver")
LABEL(MEANS_HASH, "sha") LABEL(MEANS_HASH, "checksum") LABEL(MEANS_HASH, "digest") LABEL(MEANS_HASH, "integrity") LABEL(MEANS_HASH, "hash") LABEL(MEANS_HASH, "commit") LABEL(MEANS_HASH, "etag") LABEL(MEANS_HASH, "order number")
LABEL(MEANS_HASH, "fingerprint") LABEL(MEANS_HASH, "uuid") LABEL(MEANS_HASH, "guid") LABEL(MEANS_HASH, "invoice") LABEL(MEANS_HASH, "isbn") LABEL(MEANS_HASH, "issn") LABEL(MEANS_HASH, "sku") LABEL(MEANS_HASH, "doi") LABEL(MEANS_HASH, "ean")

{"mrn", WORD_PREFIX, MEANS_RECORD}, {"nid", WORD_PREFIX, MEANS_NATIONAL}, {"tax", WORD_PREFIX, MEANS_NATIONAL}, {"emp", WORD_PREFIX, MEANS_ID}, {"ins", WORD_PREFIX, MEANS_RECORD},
{"pol", WORD_PREFIX, MEANS_ID}, {"pat", WORD_PREFIX, MEANS_RECORD}, {"cust", WORD_PREFIX, MEANS_ID}, {"stu", WORD_PREFIX, MEANS_ID}, {"mem", WORD_PREFIX, MEANS_ID}, {"hic", WORD_PREFIX, MEANS_RECORD}, {"pid", WORD_PREFIX, MEANS_RECORD},
{"bio", WORD_PREFIX, MEANS_ID}, {"acct", WORD_PREFIX, MEANS_ACCOUNT}, {"acc", WORD_PREFIX, MEANS_ACCOUNT},

{"january", WORD_MONTH, 1}, {"february", WORD_MONTH, 2}, {"march", WORD_MONTH, 3}, {"april", WORD_MONTH, 4}, {"may", WORD_MONTH, 5}, {"june", WORD_MONTH, 6}, {"july", WORD_MONTH, 7}, {"august", WORD_MONTH, 8},
{"september", WORD_MONTH, 9}, {"october", WORD_MONTH, 10}, {"november", WORD_MONTH, 11}, {"december", WORD_MONTH, 12}, {"jan", WORD_MONTH, 1}, {"feb", WORD_MONTH, 2}, {"mar", WORD_MONTH, 3}, {"apr", WORD_MONTH, 4},
{"jun", WORD_MONTH, 6}, {"jul", WORD_MONTH, 7}, {"aug", WORD_MONTH, 8}, {"sep", WORD_MONTH, 9}, {"sept", WORD_MONTH, 9}, {"oct", WORD_MONTH, 10}, {"nov", WORD_MONTH, 11}, {"dec", WORD_MONTH, 12},
{"januar", WORD_MONTH, 1}, {"februar", WORD_MONTH, 2}, {"m\xc3\xa4rz", WORD_MONTH, 3}, {"mai", WORD_MONTH, 5}, {"juni", WORD_MONTH, 6}, {"juli", WORD_MONTH, 7}, {"oktober", WORD_MONTH, 10}, {"dezember", WORD_MONTH, 12},
{"enero", WORD_MONTH, 1}, {"febrero", WORD_MONTH, 2}, {"marzo", WORD_MONTH, 3}, {"abril", WORD_MONTH, 4}, {"mayo", WORD_MONTH, 5}, {"junio", WORD_MONTH, 6}, {"julio", WORD_MONTH, 7}, {"agosto", WORD_MONTH, 8},
{"septiembre", WORD_MONTH, 9}, {"setiembre", WORD_MONTH, 9}, {"octubre", WORD_MONTH, 10}, {"noviembre", WORD_MONTH, 11}, {"diciembre", WORD_MONTH, 12},
{"janvier", WORD_MONTH, 1}, {"f\xc3\xa9vrier", WORD_MONTH, 2}, {"mars", WORD_MONTH, 3}, {"avril", WORD_MONTH, 4}, {"juin", WORD_MONTH, 6}, {"juillet", WORD_MONTH, 7}, {"ao\xc3\xbbt", WORD_MONTH, 8}, {"septembre", WORD_MONTH, 9},
{"octobre", WORD_MONTH, 10}, {"novembre", WORD_MONTH, 11}, {"d\xc3\xa9" "cembre", WORD_MONTH, 12}, {"gennaio", WORD_MONTH, 1}, {"febbraio", WORD_MONTH, 2}, {"aprile", WORD_MONTH, 4}, {"maggio", WORD_MONTH, 5},
{"giugno", WORD_MONTH, 6}, {"luglio", WORD_MONTH, 7}, {"settembre", WORD_MONTH, 9}, {"ottobre", WORD_MONTH, 10}, {"dicembre", WORD_MONTH, 12}, {"janeiro", WORD_MONTH, 1}, {"fevereiro", WORD_MONTH, 2},
{"mar\xc3\xa7o", WORD_MONTH, 3}, {"maio", WORD_MONTH, 5}, {"junho", WORD_MONTH, 6}, {"julho", WORD_MONTH, 7}, {"setembro", WORD_MONTH, 9}, {"outubro", WORD_MONTH, 10}, {"dezembro", WORD_MONTH, 12},
{"januari", WORD_MONTH, 1}, {"februari", WORD_MONTH, 2}, {"maart", WORD_MONTH, 3}, {"mei", WORD_MONTH, 5}, {"augustus", WORD_MONTH, 8}, {"augusti", WORD_MONTH, 8}, {"maj", WORD_MONTH, 5},

{"monday", WORD_WEEKDAY, 0}, {"tuesday", WORD_WEEKDAY, 0}, {"wednesday", WORD_WEEKDAY, 0}, {"thursday", WORD_WEEKDAY, 0}, {"friday", WORD_WEEKDAY, 0}, {"saturday", WORD_WEEKDAY, 0}, {"sunday", WORD_WEEKDAY, 0},
{"yesterday", WORD_WEEKDAY, 0}, {"tomorrow", WORD_WEEKDAY, 0}, {"last week", WORD_WEEKDAY, 0}, {"last month", WORD_WEEKDAY, 0}, {"last year", WORD_WEEKDAY, 0},

{"street", WORD_STREET_AFTER, 0}, {"st", WORD_STREET_AFTER, 0}, {"avenue", WORD_STREET_AFTER, 0}, {"ave", WORD_STREET_AFTER, 0}, {"road", WORD_STREET_AFTER, 0}, {"rd", WORD_STREET_AFTER, 0}, {"drive", WORD_STREET_AFTER, 0},
{"dr", WORD_STREET_AFTER, 0}, {"lane", WORD_STREET_AFTER, 0}, {"ln", WORD_STREET_AFTER, 0}, {"boulevard", WORD_STREET_AFTER, 0}, {"blvd", WORD_STREET_AFTER, 0}, {"way", WORD_STREET_AFTER, 0}, {"court", WORD_STREET_AFTER, 0},
{"ct", WORD_STREET_AFTER, 0}, {"place", WORD_STREET_AFTER, 0}, {"pl", WORD_STREET_AFTER, 0}, {"square", WORD_STREET_AFTER, 0}, {"sq", WORD_STREET_AFTER, 0}, {"terrace", WORD_STREET_AFTER, 0}, {"parkway", WORD_STREET_AFTER, 0},
{"pkwy", WORD_STREET_AFTER, 0}, {"circle", WORD_STREET_AFTER, 0}, {"cir", WORD_STREET_AFTER, 0}, {"trail", WORD_STREET_AFTER, 0}, {"highway", WORD_STREET_AFTER, 0}, {"hwy", WORD_STREET_AFTER, 0}, {"crescent", WORD_STREET_AFTER, 0},
{"cres", WORD_STREET_AFTER, 0}, {"close", WORD_STREET_AFTER, 0}, {"gardens", WORD_STREET_AFTER, 0}, {"grove", WORD_STREET_AFTER, 0}, {"hill", WORD_STREET_AFTER, 0}, {"row", WORD_STREET_AFTER, 0}, {"mews", WORD_STREET_AFTER, 0},
{"plaza", WORD_STREET_AFTER, 1}, {"loop", WORD_STREET_AFTER, 0}, {"alley", WORD_STREET_AFTER, 0}, {"parade", WORD_STREET_AFTER, 0}, {"esplanade", WORD_STREET_AFTER, 0}, {"walk", WORD_STREET_AFTER, 0}, {"turnpike", WORD_STREET_AFTER, 0},

{"calle", WORD_STREET_BEFORE, 0}, {"c/", WORD_STREET_BEFORE, 0}, {"avenida", WORD_STREET_BEFORE, 0}, {"avda", WORD_STREET_BEFORE, 0}, {"av", WORD_STREET_BEFORE, 0}, {"plaza de", WORD_STREET_BEFORE, 0}, {"pza", WORD_STREET_BEFORE, 0}, {"pz", WORD_STREET_BEFORE, 0},
{"paseo", WORD_STREET_BEFORE, 0}, {"carretera", WORD_STREET_BEFORE, 0}, {"ctra", WORD_STREET_BEFORE, 0}, {"camino", WORD_STREET_BEFORE, 0}, {"ronda", WORD_STREET_BEFORE, 0}, {"traves\xc3\xad" "a", WORD_STREET_BEFORE, 0},
{"carrer", WORD_STREET_BEFORE, 0}, {"r\xc3\xba" "a", WORD_STREET_BEFORE, 0}, {"passeig", WORD_STREET_BEFORE, 0}, {"urbanizaci\xc3\xb3n", WORD_STREET_BEFORE, 0}, {"gran v\xc3\xad" "a", WORD_STREET_BEFORE, 0},
{"rue", WORD_STREET_BEFORE, 0}, {"chemin", WORD_STREET_BEFORE, 0}, {"all\xc3\xa9" "e", WORD_STREET_BEFORE, 0}, {"quai", WORD_STREET_BEFORE, 0}, {"via", WORD_STREET_BEFORE, 1}, {"viale", WORD_STREET_BEFORE, 0},
{"corso", WORD_STREET_BEFORE, 0}, {"piazza", WORD_STREET_BEFORE, 0}, {"vicolo", WORD_STREET_BEFORE, 0}, {"largo", WORD_STREET_BEFORE, 1}, {"rua", WORD_STREET_BEFORE, 0}, {"travessa", WORD_STREET_BEFORE, 0}, {"pra\xc3\xa7" "a", WORD_STREET_BEFORE, 0},
{"estrada", WORD_STREET_BEFORE, 0}, {"ulica", WORD_STREET_BEFORE, 0}, {"ul", WORD_STREET_BEFORE, 0}, {"\xd1\x83\xd0\xbb", WORD_STREET_BEFORE, 0}, {"jalan", WORD_STREET_BEFORE, 0}, {"jl", WORD_STREET_BEFORE, 0}, {"bulevar", WORD_STREET_BEFORE, 0},
{"\xcf\x80\xce\xbb\xce\xb1\xcf\x84\xce\xb5\xce\xaf\xce\xb1", WORD_STREET_BEFORE, 0}, {"\xce\xa0\xce\xbb\xce\xb1\xcf\x84\xce\xb5\xce\xaf\xce\xb1", WORD_STREET_BEFORE, 0}, {"\xce\x9b\xce\xb5\xcf\x89\xcf\x86\xcf\x8c\xcf\x81\xce\xbf\xcf\x82", WORD_STREET_BEFORE, 0},

{"apt", WORD_UNIT, 0}, {"apartment", WORD_UNIT, 0}, {"suite", WORD_UNIT, 0}, {"ste", WORD_UNIT, 0}, {"unit", WORD_UNIT, 1}, {"flat", WORD_UNIT, 1}, {"floor", WORD_UNIT, 1}, {"po box", WORD_UNIT, 2}, {"p o box", WORD_UNIT, 2}, {"postfach", WORD_UNIT, 2},
{"piso", WORD_UNIT, 0}, {"apartado", WORD_UNIT, 2}, {"bo\xc3\xaete postale", WORD_UNIT, 2}, {"casella postale", WORD_UNIT, 2}, {"wohnung", WORD_UNIT, 0}, {"whg", WORD_UNIT, 0}, {"room", WORD_UNIT, 1}, {"bldg", WORD_UNIT, 0}, {"building", WORD_UNIT, 1}, {"unit no", WORD_UNIT, 0}, {"psc", WORD_UNIT, 1},

{"at", WORD_AT, 0}, {"arroba", WORD_AT, 0},
    /* clang-format on */
