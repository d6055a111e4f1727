# SPDX-License-Identifier: Apache-2.0
"""Which gold label is which Weir type: the one table that every figure of bench/run privacy rests on.

A gold span counts as found when a finding of one of its types lies on it. `None` marks what Weir has no type for
(job titles, medicines, gender ...): such spans are no target, and a finding on one of them is no false one.
NAMES are what the tagger finds, everything else is the patterns'. The first type of a label is what it is
meant to be; PASSES are the types that are not replaced unless a config lists them.
"""

PERSON = ("PERSON", "WELL_KNOWN_PERSON")
PLACE = ("LOCATION",)
ORGANIZATION = ("ORGANIZATION",)
ADDRESS = ("STREET_ADDRESS", "POSTCODE")
POSTCODE = ("POSTCODE", "STREET_ADDRESS")
TIME = ("DATE_TIME", "DATE_OF_BIRTH")
BIRTH = ("DATE_OF_BIRTH", "DATE_TIME")
# An identifier under another identifier's name is found all the same: "Insurance: NID-900192521".
ID = ("ID_NUMBER", "MEDICAL_RECORD", "NATIONAL_ID", "PASSPORT", "DRIVER_LICENSE", "BANK_ACCOUNT", "MEDICAL_LICENSE",
      "US_SSN", "US_ITIN", "US_NPI", "VIN", "ES_NIF", "ES_NIE", "UK_NHS", "UK_NINO")

NAMES = {"PERSON", "WELL_KNOWN_PERSON", "LOCATION", "ORGANIZATION", "NRP"}
PASSES = {"WELL_KNOWN_PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME", "URL", "NRP", "AGE", "POSTCODE"}

PRESIDIO = {
    "PERSON": PERSON, "ADDRESS": ADDRESS, "STREET_ADDRESS": ADDRESS, "ZIP_CODE": POSTCODE,
    "LOCATION": PLACE + ("STREET_ADDRESS",), "GPE": PLACE + ("STREET_ADDRESS",), "ORGANIZATION": ORGANIZATION,
    "CREDIT_CARD": ("CREDIT_CARD",), "PHONE_NUMBER": ("PHONE_NUMBER",), "DATE_TIME": TIME,
    "EMAIL_ADDRESS": ("EMAIL_ADDRESS",), "US_SSN": ("US_SSN",), "IBAN_CODE": ("IBAN_CODE",), "DOMAIN_NAME": ("URL",),
    "US_DRIVER_LICENSE": ("DRIVER_LICENSE",), "IP_ADDRESS": ("IP_ADDRESS",), "AGE": ("AGE",),
    "TITLE": None, "PREFIX": None, "NRP": None,
}

CLINICAL = {
    "PERSON_NAME": PERSON, "MEDICAL_RECORD_NUMBER": ID, "PHONE_NUMBER": ("PHONE_NUMBER",), "DATE_OF_BIRTH": BIRTH,
    "EMAIL_ADDRESS": ("EMAIL_ADDRESS",), "HEALTH_INSURANCE_ID": ID, "NPI_NUMBER": ID, "TIMESTAMP": TIME,
    "ORGANIZATION_NAME": ORGANIZATION, "STREET_ADDRESS": ADDRESS, "SOCIAL_SECURITY_NUMBER": ID,
    "NATIONAL_ID_NUMBER": ID, "EMPLOYEE_ID": ID, "INSURANCE_POLICY_NUMBER": ID, "DEA_NUMBER": ID,
    "DRIVER_LICENSE_NUMBER": ID, "CREDIT_CARD_NUMBER": ("CREDIT_CARD",), "BANK_ACCOUNT_NUMBER": ID,
    "PASSPORT_NUMBER": ID, "MAC_ADDRESS": ("MAC_ADDRESS",), "PRESCRIPTION_NUMBER": ID, "IP_ADDRESS": ("IP_ADDRESS",),
    "BIOMETRIC_ID": ID, "BANK_ROUTING_NUMBER": ID, "POSTAL_CODE": POSTCODE, "IBAN": ("IBAN_CODE",),
    "LATITUDE_LONGITUDE": ("COORDINATES",), "API_KEY": ("SECRET",), "LICENSE_PLATE": ("VEHICLE_PLATE",),
    "URL": ("URL",), "CRYPTOCURRENCY_ADDRESS": ("CRYPTO",), "SWIFT_BIC_CODE": ("BANK_ACCOUNT",), "TAX_ID": ID,
    "VISA_NUMBER": ID, "AGE": ("AGE",), "VEHICLE_IDENTIFICATION_NUMBER": ID, "LOCATION_NAME": PLACE,
    "DEVICE_IDENTIFIER": None, "AUTHENTICATION_TOKEN": None, "USERNAME": None, "SOCIAL_MEDIA_HANDLE": None,
    "MEDICATION_NAME": None, "HEALTH_CONDITION": None, "PROCEDURE_NAME": None, "JOB_TITLE": None,
    "POLITICAL_OPINION": None, "SALARY": None, "RELIGIOUS_BELIEF": None, "ETHNICITY": None, "HOUSEHOLD_SIZE": None,
    "GENDER": None, "MARITAL_STATUS": None, "NATIONALITY": None, "EDUCATION_LEVEL": None, "VEHICLE_MODEL": None,
}

MEDDOCAN = {
    "NOMBRE_SUJETO_ASISTENCIA": PERSON, "NOMBRE_PERSONAL_SANITARIO": PERSON, "TERRITORIO": PLACE + ADDRESS,
    "PAIS": PLACE, "FECHAS": TIME, "EDAD_SUJETO_ASISTENCIA": ("AGE",), "CALLE": ("STREET_ADDRESS",),
    "ID_SUJETO_ASISTENCIA": ID, "ID_ASEGURAMIENTO": ID, "ID_TITULACION_PERSONAL_SANITARIO": ID,
    "ID_CONTACTO_ASISTENCIAL": ID, "CORREO_ELECTRONICO": ("EMAIL_ADDRESS",), "HOSPITAL": ORGANIZATION,
    "INSTITUCION": ORGANIZATION, "CENTRO_SALUD": ORGANIZATION, "NUMERO_TELEFONO": ("PHONE_NUMBER",),
    "NUMERO_FAX": ("PHONE_NUMBER",), "SEXO_SUJETO_ASISTENCIA": None, "FAMILIARES_SUJETO_ASISTENCIA": None,
    "OTROS_SUJETO_ASISTENCIA": None, "PROFESION": None, "ID_EMPLEO_PERSONAL_SANITARIO": None,
}

TWEETS = {"PER": PERSON, "LOC": PLACE, "ORG": ORGANIZATION}

SETS = {
    "presidio_synth_v2": PRESIDIO,
    "presidio_generated_large": PRESIDIO,
    "piianon_clinical": CLINICAL,
    "meddocan_dev": MEDDOCAN,
    "btc_h": TWEETS,
}

# Published for the same set, by others: whole-set F2 of personal data against none. Presidio's own research
# repository, synthetic data set v2: as shipped at IoU 0.9, and with its recognisers adapted to the set at IoU 0.7.
PUBLISHED = {"presidio_synth_v2": {"Presidio as shipped, IoU 0.9": 0.618, "Presidio customised, IoU 0.7": 0.845}}
