# SPDX-License-Identifier: Apache-2.0
"""Sentences of our own, by language, with slots for names; make_text() in prepare.py fills them.

Slots: {p} a person as it comes (Anna Berg, A. Berg, Berg, Anna), {g} a given name, {f} a family name, {l} a town,
{c} a country, {o} an organisation, {n} a number, {d} a date, {e} a mail address, {t} a telephone number, {w} a thing, {x} ordinary words with capitals, {a} a few capitals, {h} a user
name as on social media, which is somebody's name too.
"""

# Written by people to people, in the language's own way. `locales` feed the slots.
LANGUAGES = {
    "en": (["en_US", "en_GB", "en_IN", "en_IE", "en_NZ", "en_NG", "en_KE", "en_PK"], [
        "My name is {p}.", "I'm {g}.", "Hi {g},", "Dear {g},", "Dear Mr. {f},", "Dear Ms. {f},", "Dear Dr {f},", "Hello {p}!",
        "Please write a letter to {p} about the {w}.", "Write an email to my boss {g} asking for a day off.", "{g} called, call back at {t}.",
        "Patient: {p}", "Name: {p}", "Full name: {p}", "Customer name: {p}", "Employee: {p}", "Contact: {p}, {t}", "Signed, {p}", "Best,\n{g}", "Kind regards,\n{p}\n{o}",
        "Regards,\n{p}", "Cheers,\n{g}", "Sincerely,\n\n{p}\nSenior Engineer\n{o}\n{t}", "Thanks,\n{g}", "From: {p} <{e}>", "To: {p} <{e}>, {p} <{e}>", "Cc: {p}", "Attn: {p}",
        "{p} lives in {l}.", "{p} works at {o} in {l}.", "{g} and {g} went to {l}.", "I met {p} yesterday.", "My wife {g} is sick.", "my son {g} has a fever", "his brother {g} moved to {l}",
        "{p}'s address is in {l}.", "{g}'s phone number is {t}.", "Ask {g} about the {w}.", "Tell {g} that I will be late.", "Can you remind {g} to send the {w} to {g}?",
        "Mr. {f} said that the {w} was late.", "Mrs. {f} was admitted on {d}.", "Dr. {p} recommended rest.", "Prof. {f} teaches in {l}.", "Miss {f} left.", "Sgt. {f} reported from {l}.",
        "The meeting with {p} and {p} is on {d}.", "Attendees: {p}, {p}, {p} and {p}", "1. {p}\n2. {p}\n3. {p}", "- {p}\n- {p}\n- {p}", "{f}, {g}", "{p} ({n})", "{p}, born {d} in {l}",
        "I think {g} should get the job, not {g}.", "According to {p}, the {w} is fine.", "{p} vs {p}", "call {g}", "text {g} i'm on my way", "send {w} to {p}", "email {p}", "schedule a call with {g} tomorrow", "what did {g} say?",
        "is {g} coming to {l}?", "Who is {p}?", "Summarize this complaint from {p}: the {w} arrived broken.", "Translate for {g}: where is the {w}?", "Book a table for {g} in {l} at {n}.",
        "{g}: hey\n{g}: hi, how was {l}?\n{g}: great", "{g} {f}: I agree.\n{g} {f}: Me too.", "user: my name is {p}\nassistant: Hello {g}!", "{p}, {n} years old, from {l}", "Interview with {p} ({o})",
        "{p} signed the agreement with {o} on {d}.", "By: {p}\nTitle: President", "/s/ {p}", "Witness: {p}", "The tenant, {p}, shall pay {o}.", "between {p} and {o}", "{o}, represented by {p},", "Shipped to {p}, {n} Main Street, {l}",
        "Birthday of {p} on {d}", "Thank you {g}!", "@{g} can you review this?", "cc {g}", "Reviewed-by: {p} <{e}>", "Author: {p}", "Assigned to {p}", "Reported by {p} on {d}", "{p} wrote:", "On {d}, {p} <{e}> wrote:", "love, {g}", "xoxo {g}",
        "i told {g} and {g} about the {w}", "me and {g} are going to {l}", "happy birthday {g}", "miss you {g}", "thanks {g} {f}", "dr {f} said no", "my doctor is {p}", "my boss {g} is mean", "her name is {g}", "{p} is my neighbour", "i am {p} from {l}",
        "Meeting Notes: {p} Joins {o}", "{p} Elected Mayor Of {l}", "How {p} Built A {w} In {l}", "Remembering {p}", "RE: {p}", "FW: CV {p}", "INVOICE FOR {p}", "Account holder: {p}", "Beneficiary: {p}", "Next of kin: {p} (mother)", "Emergency contact: {p}, {t}", "Referring physician: Dr. {p}",
        "Mother's maiden name: {f}", "First name: {g}\nLast name: {f}", "Surname: {f}", "Given name: {g}", "name {g}, city {l}", "Passenger: {f}/{g}", "Guest: {p}", "The {f} family lives next door.", "the {f}s are coming", "{g} {f} Jr.", "Sir {p}", "Father {g}", "Aunt {g} and Uncle {g}",
        "{p} replied that {g} would come.", "We hired {p} as a nurse.", "{p} was born in {c}.", "{p} has a meeting in {l} with {o}.", "Our lawyer, {p}, will contact {p}.", "I was treated by {p} at {o}.", "his name was {p} and he came from {c}", "{g} likes {w}, {g} does not.",
        "Complaint by {p} against {o}", "Please add {p}, {p} to the list.", "Is {p} still with {o}?", "{p} paid {n} dollars to {p}.", "{f} told {f} that {f} was wrong.", "{f} scored {n} points.", "{f} and {f} were absent.", "Ms {f}'s appointment is on {d}.",
        "flights to {l}", "weather in {l}", "What is the capital of {c}?", "restaurants near {l}", "Traffic in {l} was bad on {d}.", "{o} opened an office in {l}.", "The {w} from {o} is broken.", "Visit {c} in spring.", "We flew from {l} to {l}.", "{o} sued {o}.", "shares of {o} fell",
    ]),
    "de": (["de_DE", "de_AT", "de_CH"], [
        "Mein Name ist {p}.", "Ich heiße {g}.", "Hallo {g},", "Liebe {g},", "Lieber {g},", "Sehr geehrter Herr {f},", "Sehr geehrte Frau {f},", "Sehr geehrter Herr Dr. {f},", "Herr {f} wohnt in {l}.", "Frau {p} arbeitet bei {o}.", "Patient: {p}, geb. {d}",
        "Name: {p}", "Vorname: {g}\nNachname: {f}", "Mit freundlichen Grüßen\n{p}", "Viele Grüße\n{g}", "LG {g}", "Von: {p} <{e}>", "An: {p}", "{p} aus {l} sagte, dass die {w} fehlt.", "Schreib {g}, dass ich später komme.", "Meine Tochter {g} ist krank.", "ruf {g} an", "{g} und {g} fahren nach {l}.",
        "Der Mieter {p} zahlt an {o}.", "Ansprechpartner: {p}, Tel. {t}", "Prof. {f} lehrt in {l}.", "Frau Müller und Herr {f} haben sich getroffen.", "Wie ist das Wetter in {l}?", "Die Firma {o} sitzt in {l}.", "{p} ist {n} Jahre alt.", "Kundin: {p}", "Teilnehmer: {p}, {p}, {p}", "Der Arzt {p} hat {g} untersucht.", "Was hat {g} gesagt?",
    ]),
    "fr": (["fr_FR", "fr_CA", "fr_BE", "fr_CH"], [
        "Je m'appelle {p}.", "Mon nom est {p}.", "Bonjour {g},", "Cher {g},", "Chère {g},", "Cher Monsieur {f},", "Madame {f} habite à {l}.", "M. {f} travaille chez {o}.", "Mme {p} est arrivée.", "Patient : {p}, né le {d}", "Nom : {f}\nPrénom : {g}", "Cordialement,\n{p}", "Bisous,\n{g}", "De : {p} <{e}>", "À : {p}",
        "{p} a signé le contrat avec {o}.", "Mon fils {g} est malade.", "Dis à {g} que j'arrive.", "appelle {g}", "{g} et {g} partent à {l}.", "Le docteur {f} a dit non.", "Le rendez-vous avec {p} est le {d}.", "Quel temps fait-il à {l} ?", "{o} a ouvert un bureau à {l}.", "C'est l'idée de {g}.", "la sœur d'{g}", "Client : {p}", "selon {p}, la {w} est cassée",
    ]),
    "es": (["es_ES", "es_MX", "es_AR", "es_CO", "es_CL"], [
        "Me llamo {p}.", "Mi nombre es {p}.", "Hola {g},", "Querida {g},", "Estimado Sr. {f}:", "Estimada Sra. {f}:", "El señor {f} vive en {l}.", "La doctora {p} trabaja en {o}.", "Nombre: {g}\nApellidos: {f} {f}", "Nombre: {p}", "Paciente: {p}", "Saludos,\n{p}", "Un abrazo,\n{g}", "De: {p} <{e}>", "Para: {p}",
        "{p} firmó el contrato con {o}.", "Mi hija {g} tiene fiebre.", "Dile a {g} que llego tarde.", "llama a {g}", "{g} y {g} van a {l}.", "La reunión con {p} es el {d}.", "¿Qué tiempo hace en {l}?", "Dr. {p}", "Dra. {g} {f} {f}", "Médico: {p}", "Remitido por: Dr. {p}", "Firmado: {p}", "Cliente: {p}, {l}", "según {p}, la {w} no llegó", "¿Quién es {p}?",
    ]),
    "it": (["it_IT"], [
        "Mi chiamo {p}.", "Ciao {g},", "Cara {g},", "Gentile signor {f},", "Gentile Dott.ssa {f},", "Il signor {f} abita a {l}.", "La signora {p} lavora da {o}.", "Paziente: {p}", "Nome: {g}\nCognome: {f}", "Cordiali saluti,\n{p}", "Un abbraccio,\n{g}", "Da: {p} <{e}>", "A: {p}", "{p} ha firmato il contratto con {o}.", "Mio figlio {g} è malato.", "Di' a {g} che arrivo.", "chiama {g}", "{g} e {g} vanno a {l}.",
        "Che tempo fa a {l}?", "Il dottor {f} ha detto di no.", "{o} ha aperto una sede a {l}.", "secondo {p}, la {w} manca", "Cliente: {p}",
    ]),
    "pt": (["pt_PT", "pt_BR"], [
        "Meu nome é {p}.", "Chamo-me {p}.", "Olá {g},", "Querida {g},", "Caro Sr. {f},", "Prezada Sra. {f},", "O senhor {f} mora em {l}.", "A doutora {p} trabalha na {o}.", "Paciente: {p}", "Nome: {p}", "Atenciosamente,\n{p}", "Abraço,\n{g}", "De: {p} <{e}>", "Para: {p}", "{p} assinou o contrato com a {o}.", "Meu filho {g} está doente.", "Diga à {g} que vou chegar tarde.", "liga para {g}", "{g} e {g} vão a {l}.",
        "Como está o tempo em {l}?", "Dr. {f} disse que não.", "Cliente: {p}", "segundo {p}, a {w} não chegou",
    ]),
    "nl": (["nl_NL", "nl_BE"], [
        "Mijn naam is {p}.", "Ik ben {g}.", "Hallo {g},", "Beste {g},", "Geachte heer {f},", "Geachte mevrouw {f},", "Meneer {f} woont in {l}.", "Mevrouw {p} werkt bij {o}.", "Patiënt: {p}", "Naam: {p}", "Met vriendelijke groet,\n{p}", "Groetjes,\n{g}", "Van: {p} <{e}>", "Aan: {p}", "{p} tekende het contract met {o}.", "Mijn zoon {g} is ziek.", "Zeg tegen {g} dat ik later kom.", "bel {g}", "{g} en {g} gaan naar {l}.",
        "Wat voor weer is het in {l}?", "dr. {f} zei nee", "Klant: {p}", "volgens {p} is de {w} stuk",
    ]),
    "sv": (["sv_SE"], [
        "Jag heter {p}.", "Hej {g},", "Kära {g},", "Herr {f} bor i {l}.", "Fru {p} arbetar på {o}.", "Patient: {p}", "Namn: {p}", "Med vänliga hälsningar\n{p}", "Kram\n{g}", "Från: {p} <{e}>", "Till: {p}", "{p} skrev på avtalet med {o}.", "Min son {g} är sjuk.", "ring {g}", "{g} och {g} åker till {l}.", "Hur är vädret i {l}?", "enligt {p} är {w} trasig", "{p}s adress",
    ]),
    "da": (["da_DK", "no_NO"], [
        "Jeg hedder {p}.", "Hej {g},", "Kære {g},", "Hr. {f} bor i {l}.", "Fru {p} arbejder hos {o}.", "Patient: {p}", "Navn: {p}", "Med venlig hilsen\n{p}", "Knus\n{g}", "Fra: {p} <{e}>", "Til: {p}", "{p} skrev under på aftalen med {o}.", "Min søn {g} er syg.", "ring til {g}", "{g} og {g} rejser til {l}.", "Hvordan er vejret i {l}?", "ifølge {p} er {w} i stykker", "{p}s adresse",
    ]),
    "fi": (["fi_FI"], [
        "Nimeni on {p}.", "Hei {g},", "Hyvä {g},", "Herra {f} asuu täällä.", "Rouva {p} työskentelee yrityksessä {o}.", "Potilas: {p}", "Nimi: {p}", "Ystävällisin terveisin\n{p}", "Terveisin {g}", "Lähettäjä: {p} <{e}>", "{p} allekirjoitti sopimuksen.", "Poikani {g} on sairas.", "soita {g}", "{g} ja {g} matkustavat.", "Millainen sää on, {l}?", "{g} kertoi asiasta.",
    ]),
    "pl": (["pl_PL"], [
        "Nazywam się {p}.", "Cześć {g},", "Droga {g},", "Szanowny Panie {f},", "Pan {f} mieszka w {l}.", "Pani {p} pracuje w {o}.", "Pacjent: {p}", "Imię i nazwisko: {p}", "Z poważaniem\n{p}", "Pozdrawiam\n{g}", "Od: {p} <{e}>", "Do: {p}", "{p} podpisał umowę z {o}.", "Mój syn {g} jest chory.", "zadzwoń do {g}", "{g} i {g} jadą do {l}.", "Jaka jest pogoda w {l}?", "dr {f} powiedział nie", "według {p}",
    ]),
    "cs": (["cs_CZ", "sk_SK"], [
        "Jmenuji se {p}.", "Ahoj {g},", "Milá {g},", "Vážený pane {f},", "Pan {f} bydlí v {l}.", "Paní {p} pracuje v {o}.", "Pacient: {p}", "Jméno: {p}", "S pozdravem\n{p}", "Měj se\n{g}", "Od: {p} <{e}>", "Komu: {p}", "{p} podepsal smlouvu s {o}.", "Můj syn {g} je nemocný.", "zavolej {g}", "{g} a {g} jedou do {l}.", "Jaké je počasí v {l}?", "podle {p}", "Volám sa {p}.", "Pani {f} býva v {l}.", "Môj brat {g} je chorý.",
    ]),
    "hr": (["hr_HR", "sl_SI"], [
        "Zovem se {p}.", "Bok {g},", "Draga {g},", "Poštovani gospodine {f},", "Gospodin {f} živi u {l}.", "Gospođa {p} radi u {o}.", "Pacijent: {p}", "Ime i prezime: {p}", "Srdačan pozdrav\n{p}", "Pozdrav\n{g}", "Od: {p} <{e}>", "Za: {p}", "{p} je potpisao ugovor s {o}.", "Moj sin {g} je bolestan.", "nazovi {g}", "{g} i {g} putuju u {l}.", "Kakvo je vrijeme u {l}?", "prema {p}", "Ime mi je {p}.", "Moje ime je {p}.",
    ]),
    "hu": (["hu_HU"], [
        "A nevem {f} {g}.", "Szia {g}!", "Kedves {g}!", "Tisztelt {f} Úr!", "{f} úr itt lakik.", "{f} {g} a {o} dolgozója.", "Beteg: {f} {g}", "Név: {f} {g}", "Üdvözlettel\n{f} {g}", "Puszi\n{g}", "Feladó: {f} {g} <{e}>", "{f} {g} aláírta a szerződést.", "A fiam, {g} beteg.", "hívd fel {g}", "{g} és {g} elutaznak.", "Dr. {f} {g}",
    ]),
    "ro": (["ro_RO"], [
        "Mă numesc {p}.", "Bună {g},", "Dragă {g},", "Stimate domnule {f},", "Domnul {f} locuiește în {l}.", "Doamna {p} lucrează la {o}.", "Pacient: {p}", "Nume: {p}", "Cu stimă,\n{p}", "Te pup,\n{g}", "De la: {p} <{e}>", "{p} a semnat contractul cu {o}.", "Fiul meu {g} este bolnav.", "sună-l pe {g}", "{g} și {g} merg la {l}.", "Cum e vremea în {l}?",
    ]),
    "tr": (["tr_TR"], [
        "Benim adım {p}.", "Merhaba {g},", "Sevgili {g},", "Sayın {f},", "{f} Bey burada oturuyor.", "{g} Hanım {o} şirketinde çalışıyor.", "Hasta: {p}", "Ad Soyad: {p}", "Saygılarımla\n{p}", "Öptüm\n{g}", "Kimden: {p} <{e}>", "Kime: {p}", "{p} sözleşmeyi imzaladı.", "Oğlum {g} hasta.", "{g} ile {g} {l} şehrine gidiyor.", "{g}'i ara", "{g}'nin telefonu {t}", "Dr. {p} hayır dedi.", "{l}'da hava nasıl?",
    ]),
    "id": (["id_ID"], [
        "Nama saya {p}.", "Halo {g},", "Yth. Bapak {f},", "Pak {g} tinggal di {l}.", "Ibu {p} bekerja di {o}.", "Pasien: {p}", "Nama: {p}", "Hormat saya,\n{p}", "Salam,\n{g}", "Dari: {p} <{e}>", "{p} menandatangani kontrak dengan {o}.", "Anak saya {g} sakit.", "telepon {g}", "{g} dan {g} pergi ke {l}.", "Bagaimana cuaca di {l}?",
    ]),
    "vi": (["vi_VN"], [
        "Tôi tên là {p}.", "Chào {g},", "Thưa ông {f},", "Anh {g} sống ở {l}.", "Bà {p} làm việc tại {o}.", "Bệnh nhân: {p}", "Họ tên: {p}", "Trân trọng,\n{p}", "Từ: {p} <{e}>", "{p} đã ký hợp đồng với {o}.", "Con trai tôi {g} bị ốm.", "gọi cho {g}",
    ]),
    "ru": (["ru_RU"], [
        "Меня зовут {p}.", "Привет, {g}!", "Дорогая {g},", "Уважаемый господин {f},", "Господин {f} живёт в городе {l}.", "Госпожа {p} работает в {o}.", "Пациент: {p}", "ФИО: {p}", "Имя: {g}\nФамилия: {f}", "С уважением,\n{p}", "Целую,\n{g}", "От: {p} <{e}>", "Кому: {p}", "{p} подписал договор с {o}.", "Мой сын {g} болен.", "позвони {g}", "{g} и {g} едут в {l}.", "Какая погода в {l}?", "Доктор {f} сказал нет.", "По словам {p}, всё готово.", "г-н {f}", "Где находится {w}?", "Напиши письмо для {p}.",
    ]),
    "uk": (["uk_UA", "bg_BG", "mk_MK"], [
        "Мене звати {p}.", "Привіт, {g}!", "Шановний пане {f},", "Пан {f} живе у {l}.", "Пані {p} працює в {o}.", "Пацієнт: {p}", "Ім'я: {p}", "З повагою,\n{p}", "Від: {p} <{e}>", "{p} підписав договір з {o}.", "Мій син {g} хворий.", "подзвони {g}", "{g} і {g} їдуть до {l}.", "Яка погода у {l}?", "Казвам се {p}.", "Господин {f} живее в {l}.", "Се викам {p}.", "Госпожа {f} работи во {o}.",
    ]),
    "el": (["el_GR"], [
        "Με λένε {p}.", "Γεια σου {g},", "Αγαπητέ κύριε {f},", "Ο κύριος {f} μένει στην {l}.", "Η κυρία {p} εργάζεται στην {o}.", "Ασθενής: {p}", "Όνομα: {p}", "Με εκτίμηση,\n{p}", "Φιλικά,\n{g}", "Από: {p} <{e}>", "Ο {p} υπέγραψε τη σύμβαση.", "Ο γιος μου ο {g} είναι άρρωστος.", "πάρε τον {g}", "Ο {g} και η {g} πάνε στην {l}.", "Τι καιρό κάνει στην {l};", "Ο γιατρός {f} είπε όχι.",
    ]),
    "ar": (["ar_AA", "ar_SA", "ar_PS"], [
        "اسمي {p}.", "مرحبا {g}،", "عزيزي {g}،", "السيد {f} يعيش في {l}.", "السيدة {p} تعمل في {o}.", "المريض: {p}", "الاسم: {p}", "مع أطيب التحيات،\n{p}", "من: {p} <{e}>", "وقع {p} العقد مع {o}.", "ابني {g} مريض.", "اتصل بـ {g}", "الدكتور {f} قال لا.", "كيف الطقس في {l}؟", "ذهب {g} و {g} إلى {l}.", "الأستاذ {p}",
    ]),
    "fa": (["fa_IR"], [
        "نام من {p} است.", "سلام {g}،", "آقای {f} در {l} زندگی می‌کند.", "خانم {p} در {o} کار می‌کند.", "بیمار: {p}", "نام: {g}\nنام خانوادگی: {f}", "با احترام،\n{p}", "پسرم {g} بیمار است.", "به {g} زنگ بزن", "دکتر {f} گفت نه.", "هوای {l} چطور است؟",
    ]),
    "he": (["he_IL"], [
        "שמי {p}.", "שלום {g},", "לכבוד מר {f},", "מר {f} גר ב {l}.", "גברת {p} עובדת ב {o}.", "מטופל: {p}", "שם: {p}", "בברכה,\n{p}", "מאת: {p} <{e}>", "הבן שלי {g} חולה.", "תתקשר אל {g}", "ד\"ר {f} אמר לא.", "מה מזג האוויר ב {l}?",
    ]),
    "hi": (["hi_IN", "ne_NP", "mr_IN"], [
        "मेरा नाम {p} है।", "नमस्ते {g},", "प्रिय {g},", "श्री {f} {l} में रहते हैं।", "श्रीमती {p} {o} में काम करती हैं।", "रोगी: {p}", "नाम: {p}", "सादर,\n{p}", "मेरा बेटा {g} बीमार है।", "{g} को फोन करो", "डॉ. {f} ने मना किया।", "{g} और {g} {l} जा रहे हैं।", "{l} में मौसम कैसा है?", "{g} जी नमस्ते",
    ]),
    "bn": (["bn_BD"], ["আমার নাম {p}।", "প্রিয় {g},", "জনাব {f} {l} থাকেন।", "রোগী: {p}", "নাম: {p}", "আমার ছেলে {g} অসুস্থ।", "ডাঃ {f} না বলেছেন।"]),
    "ta": (["ta_IN"], ["என் பெயர் {p}.", "அன்புள்ள {g},", "திரு {f} {l} இல் வசிக்கிறார்.", "திருமதி {p}", "நோயாளி: {p}", "பெயர்: {p}", "டாக்டர் {f} மறுத்தார்."]),
    "th": (["th_TH"], ["ผมชื่อ {p}", "คุณ {p} อยู่ที่ {l}", "สวัสดี {g}", "เรียน คุณ {g}", "ผู้ป่วย: {p}", "ชื่อ: {p}", "นาย {p}", "นาง {p}", "นางสาว {p}", "ด้วยความเคารพ\n{p}"]),
    "zh": (["zh_CN", "zh_TW"], [
        "我叫{f}{g}。", "我的名字是{f}{g}。", "{f}先生住在{l}。", "{f}女士在{o}工作。", "{f}{g}先生您好,", "{f}老师", "{f}医生说不行。", "患者:{f}{g}", "患者：{f}{g}，男，{n}岁", "姓名:{f}{g}", "姓名：{f}{g}\n电话：{t}", "亲爱的{f}{g}：", "{f}{g}和{f}{g}去了{l}。", "我儿子{f}{g}生病了。", "给{f}{g}打电话", "{f}{g}签了合同。", "此致\n{f}{g}", "联系人：{f}{g}", "请告诉{f}{g}我晚到。", "{l}的天气怎么样？", "{f}经理", "{f}总", "小{f}今天没来。", "据{f}{g}说，{l}的房子卖了。", "今天的会议几点开始？", "请把这段文字翻译成英文。", "帮我写一个排序函数。", "人工智能的发展历史是什么？", "如何学习编程？", "{l}有什么好吃的？", "客户{f}{g}的订单在哪里？",
    ]),
    "ja": (["ja_JP"], [
        "私の名前は{f}{g}です。", "{f}と申します。", "{f}さんは{l}に住んでいます。", "{f}様", "{f}{g}様", "{f}先生は反対しました。", "{f}部長に連絡してください。", "患者:{f}{g}", "患者名：{f} {g}", "氏名：{f}{g}", "氏名: {f} {g}", "お世話になっております。{f}です。", "{f}{g}さんと{f}{g}さんが来ました。", "息子の{g}が病気です。", "{g}ちゃん", "{f}くんに電話して", "{f}氏は契約に署名した。", "敬具\n{f}{g}", "担当：{f}{g}", "{l}の天気は？", "拝啓 {f}{g} 様", "今日の会議は何時ですか。", "この文章を英語に翻訳してください。", "並べ替えの関数を書いて。", "{l}でおいしい店を教えて。", "鈴木さんと{f}さんの予定",
    ]),
    "ko": (["ko_KR"], [
        "제 이름은 {f}{g}입니다.", "{f}{g} 씨는 {l}에 삽니다.", "{f}{g}님 안녕하세요.", "{f} 선생님", "{f}{g} 교수가 말했다.", "환자: {f}{g}", "이름: {f}{g}", "성명: {f}{g}", "{f}{g} 드림", "제 아들 {g}이 아파요.", "{f}{g}에게 전화해", "{f} 과장님께", "{f}{g}와 {f}{g}가 만났다.", "{l} 날씨 어때?", "보낸사람: {f}{g} <{e}>", "오늘 회의는 몇 시인가요?", "이 문장을 영어로 번역해 주세요.", "정렬 함수를 작성해 줘.", "김{g}",
    ]),
    "hy": (["hy_AM"], ["Իմ անունը {p} է։", "Հարգելի {g},", "Պարոն {f}", "Տիկին {p}", "Հիվանդ: {p}", "Անուն: {p}"]),
    "ka": (["ka_GE"], ["მე მქვია {p}.", "ძვირფასო {g},", "ბატონი {f} ცხოვრობს {l}.", "ქალბატონი {p}", "პაციენტი: {p}", "სახელი: {p}"]),
    "et": (["et_EE", "lv_LV", "lt_LT"], ["Minu nimi on {p}.", "Tere {g},", "Härra {f} elab siin.", "Patsient: {p}", "Nimi: {p}", "Lugupidamisega\n{p}", "Mani sauc {p}.", "Cienījamais {f} kungs", "Vārds: {p}", "Mano vardas {p}.", "Gerb. {f}", "Vardas: {p}", "Pagarbiai\n{p}"]),
    "sw": (["sw", "zu_ZA", "yo_NG", "ig_NG", "ha_NG", "tw_GH"], ["Jina langu ni {p}.", "Habari {g},", "Bwana {f} anaishi {l}.", "Bi {p}", "Mgonjwa: {p}", "Igama lami ngu {p}.", "Oruko mi ni {p}.", "Aha m bu {p}.", "Sunana {p}."]),
}

# Forms that look the same in any language; names come from anywhere.
ANYWHERE = [
    '{"name": "{p}", "city": "{l}"}', '{"first_name": "{g}", "last_name": "{f}"}', '{"firstName":"{g}","lastName":"{f}","email":"{e}"}', '{"user": {"id": {n}, "fullName": "{p}"}}', '{"from": "{p}", "to": "{p}", "body": "ok"}', '{"patient_name": "{p}", "ward": {n}}', '{"author":"{p}","title":"The {w}"}',
    '{"customer": "{p}", "item": "{w}", "price": {n}}', "name,city,phone\n{p},{l},{t}\n{p},{l},{t}", "{f};{g};{d};{l}", "| {p} | {l} | {n} |", "{g}\t{f}\t{e}", "name: {p}\ncity: {l}", "name = \"{p}\"", "author = '{p}'", "const user = { name: '{p}', age: {n} };", "INSERT INTO users (name, city) VALUES ('{p}', '{l}');", "SELECT * FROM users WHERE last_name = '{f}';",
    "<name>{p}</name>", "<td>{p}</td><td>{l}</td>", "Author: {p} <{e}>\nDate: {d}", "Signed-off-by: {p} <{e}>", "# Copyright {n} {p}", "# TODO({g}): fix this", "// written by {p}", "User.create(name: \"{p}\")", "print(\"Hello, {g}\")", "From: {p} <{e}>\nTo: {p} <{e}>\nSubject: {w}\n\n", "\"{p}\" <{e}>", "{p} <{e}>; {p} <{e}>", "--\n{p}\n{o}\n{t}",
    "[{d}] {g}: ok", "<{g}> hello", "{p}:", "{p}", "{g}", "{f}", "{p}\n{n} {l}\n{t}", "{p} - {o}", "{p}, {o}", "{p} | {o} | {l}", "• {p}\n• {p}", "{p}; {p}; {p}", "({p})", "\"{p}\"", "{p}, {p}, {p}", "{p} & {p}", "{p} / {p}", "{p} + {p}", "{p} → {p}", "vCard\nFN:{p}\nN:{f};{g};;;\nTEL:{t}", "{l}, {d}", "{o}\n{l}", "{l} - {l}", "{l}, {c}", "{l}, {l}, {l}",
    "GIVEN: {g}\nFAMILY: {f}", "user={g} action=login ip=10.0.0.1", "login: {g} {f}", "Participants: {g}, {g}, {g}", "{g} {n}, {g} {n}, {g} {n}",
]

# Short messages to the public.
SOCIAL = [
    "@{h}", "RT @{h}: the {w} is back", "RT @{h} : so true", "@{h} thanks!", "@{h} @{h} lol", "follow @{h} please", "via @{h}", "cc @{h}", "(@{h})", "Instagram: @{h}", "dm @{h} for the {w}", "shoutout to @{h} and @{h}", "@{h} happy birthday {g}!!", "good morning @{h} :)", "photo by @{h}", ".@{h} you were right", "\"@{h}: i cant sleep\"", "“@{h}: can't wait” same", "new video with @{h} http://example.com/a", "i miss {g} :(", "{g} is trending #{w}", "{p} was on tv again", "just saw {p} omg", "@{h} did you see {p}?", "watching {f} play in {l}", "love u @{h} xx", "{g} pls follow me", "FOLLOW @{h} NOW", "hey @{h}, how is {l}?", "my fav is {p}", "why is {g} like this lol", "{p} for president", "goal by {f}!!", "rip {p}", "#np {p}", "thank you @{h} for the follow", "@{h} @{h} @{h} who's coming?", "lol {g}",
]

# Nobody is named in these.
NOBODY = [
    "Write a function that sorts a list of {w}s.", "Explain Bayes' theorem.", "What is Ohm's law?", "Use Dijkstra's algorithm.", "Turn on the lights.", "Set an alarm for {n}.", "What is {n} plus {n}?", "Summarize this text.", "Translate 'good morning' to French.", "How do I use Docker with Kubernetes?", "Is Python faster than Java?", "Install Visual Studio Code on Windows.", "What's the difference between TCP and UDP?",
    "Monday, Tuesday and Wednesday", "January, February and March", "Merry Christmas and a Happy New Year", "Terms and Conditions", "Privacy Policy", "Getting Started Guide", "Table of Contents", "Sign In", "Log Out", "Add To Cart", "Read More", "Product Name: {w}", "File name: report.pdf", "Host name: server01", "Error: Not Found", "Warning: Low Battery", "Name: unknown", "Name: N/A", "Patient: stable", "Dear Sir or Madam,", "Dear customer,", "Dear team,", "Hi all,", "Hello World!", "Thanks,\nThe Team", "Best regards,\nCustomer Service",
    "import numpy as np", "from typing import List, Dict, Optional", "public class UserController extends BaseController {", "const Button = styled.div``;", "def get_name(self): return self.name", "std::vector<std::string> names;", "SELECT name, city FROM users WHERE id = {n};", "git commit -m \"Fix parser\"", "export default App;", "Exception in thread main java.lang.NullPointerException", "Traceback (most recent call last):", "FROM ubuntu:22.04", "RUN apt-get install -y curl", "enum Color { Red, Green, Blue };", "type Person struct { Name string }", "class Person: pass", "interface Animal { void speak(); }", "return Promise.all(tasks);", "Array.prototype.map.call(x, String)", "new Map<String, Integer>();",
    "Content-Type: application/json", "User-Agent: Mozilla", "Subject: Weekly {w} report", "To: undisclosed recipients", "From: Support Team", "Chapter {n}: The {w}", "The Great Gatsby", "Lord of the Rings", "Machine Learning Engineer", "Senior Product Manager", "Chief Executive Officer", "Bachelor of Science", "Master's degree", "Internet of Things", "New York Times", "Best Pizza In Town", "How To Build A {w}", "Ten Tips For Better Sleep", "The Top {n} Movies Of All Time", "BREAKING NEWS", "URGENT: PLEASE READ", "DO NOT REPLY", "TOTAL AMOUNT DUE", "FREE SHIPPING",
    "What will the weather be like tomorrow?", "Will it rain?", "May I come in?", "Mark this as done.", "Grant access to the bucket.", "Bill the client.", "Rose petals and daisies", "Drew a picture", "I hope so", "Grace period of {n} days", "Chase the ball", "Faith and charity", "the art of war", "Christian holidays", "a Victorian house", "Summer and autumn", "April showers", "June was hot", "in August", "on Sunday", "Frank advice", "jack of all trades", "a dean of students", "the page was blank", "the baker and the miller", "a young man", "white, black, brown and green", "hunter and fisher", "the king and the bishop", "a long rich story", "cook the rice", "the carpenter", "stone bridge", "north and west", "price and cost", "reed and wood",
    "Marketing plan for a coffee shop", "Compare the iPhone and the Samsung Galaxy.", "Recommend a Netflix show.", "Play some jazz music", "Play the new album on Spotify", "Find a recipe for Caesar salad", "Parkinson's disease", "Alzheimer's", "Crohn's disease", "Down syndrome", "Hodgkin lymphoma", "Glasgow Coma Scale", "Celsius and Fahrenheit", "Fourier transform", "Gaussian noise", "Newtonian physics", "Boolean logic", "Markov chain", "Monte Carlo method", "Hamiltonian", "Turing machine", "Nash equilibrium",
]

# Forms: keys that hold a whole name, a given name, a family name, a place; then keys that hold none, with what they hold.
FORMS = {
    "en": (["Name", "Patient", "Patient name", "Full name", "Customer", "Contact", "Employee", "Doctor", "Provider", "Manager", "Author", "Requested by", "Signed", "Ordered by", "Reviewed by", "Attending", "Emergency contact", "Insured", "Client", "Account holder", "Owner", "Reporter", "Assignee"],
           ["First name", "Given name"], ["Last name", "Surname", "Family name"], ["City", "Country", "Location", "Place of birth"],
           [("MRN", ["MRN-{n}", "A{n}", "{n}"]), ("Sex", ["F", "M", "Female", "Male"]), ("Gender", ["Female", "Male", "Other"]), ("Status", ["Active", "Pending", "Married", "Single", "Open", "Closed", "Stable"]), ("Diagnosis", ["Migraine", "Asthma", "Type 2 Diabetes", "Hypertension", "Osteoarthritis", "Pneumonia", "Anxiety"]),
            ("Medication", ["Ibuprofen", "Metformin", "Aspirin", "Lisinopril {n}mg", "Atorvastatin", "Paracetamol", "Amoxicillin", "Insulin Glargine", "Warfarin", "Prednisone"]), ("Allergies", ["Penicillin", "None", "Latex", "Peanuts"]), ("Department", ["Cardiology", "Sales", "Human Resources", "Radiology", "Emergency", "Oncology"]), ("Title", ["Senior Engineer", "Specialist", "Nurse", "The {x}"]), ("Subject", ["{x}", "Referral Letter", "Lab Results", "Invoice {n}", "Meeting"]),
            ("Exam", ["MRI Knee", "CT Chest", "X-Ray", "Ultrasound Abdomen"]), ("Test", ["Hemoglobin", "Glucose", "Creatinine"]), ("Blood type", ["A", "B", "O", "AB"]), ("Language", ["English", "Spanish", "German", "French"]), ("Nationality", ["British", "Spanish", "Turkish", "Indian"]), ("Religion", ["Christian", "Muslim", "None"]), ("Email", ["{e}"]), ("Phone", ["{t}"]), ("DOB", ["{d}"]), ("Date", ["{d}"]), ("ID", ["{n}", "EMP-{n}", "AB{n}"]), ("Address", ["{n} {x} Street", "{n} {x} Lane"]), ("Street", ["{x} Road {n}"]),
            ("Product", ["{x}", "{w}"]), ("Company", ["{o}"]), ("Employer", ["{o}"]), ("Insurance", ["{o}"]), ("Type", ["{x}", "A", "B"]), ("Priority", ["High", "Low"]), ("Browser", ["Firefox", "Chrome"]), ("Note", ["{x}", "none"]), ("Currency", ["Euro", "US Dollar"]), ("Day", ["Monday", "Friday"]), ("Month", ["June", "April", "August"]), ("Website", ["https://example.com"]), ("Role", ["Administrator", "Editor"]), ("Colour", ["Red", "Blue"]), ("Procedure", ["Colonoscopy", "Biopsy"]), ("Temp", ["{n}"]), ("Section", ["{x}"])]),
    "es": (["Nombre", "Paciente", "Cliente", "Médico", "Contacto", "Titular", "Firmado", "Remitido por"], ["Nombre"], ["Apellidos", "Apellido"], ["Ciudad", "Localidad", "País", "Provincia"],
           [("Sexo", ["H", "M", "Mujer", "Varón"]), ("Edad", ["{n} años"]), ("NHC", ["{n}"]), ("CP", ["{n}"]), ("Fecha", ["{d}"]), ("Servicio", ["Urgencias", "Cardiología", "Pediatría"]), ("Estado", ["Activo", "Pendiente", "Soltero"]), ("Domicilio", ["Calle {x} {n}", "Avda. {x} {n}"]), ("Diagnóstico", ["Asma", "Gripe", "Neumonía"]), ("Correo", ["{e}"]), ("Teléfono", ["{t}"]), ("Empresa", ["{o}"]), ("Motivo", ["Dolor abdominal"]), ("Nacionalidad", ["Española", "Mexicana"])]),
    "de": (["Name", "Patient", "Kunde", "Kundin", "Ansprechpartner", "Arzt", "Kontoinhaber", "Versicherter"], ["Vorname"], ["Nachname", "Familienname"], ["Ort", "Stadt", "Land", "Geburtsort"],
           [("Geschlecht", ["männlich", "weiblich", "W", "M"]), ("Alter", ["{n}"]), ("Status", ["Aktiv", "Offen", "Ledig"]), ("Datum", ["{d}"]), ("Abteilung", ["Vertrieb", "Chirurgie", "Einkauf"]), ("Diagnose", ["Asthma", "Grippe", "Diabetes"]), ("Straße", ["{x}weg {n}", "Hauptstraße {n}"]), ("Betreff", ["Rechnung {n}", "Kündigung", "Ihr Angebot"]), ("Firma", ["{o}"]), ("Beruf", ["Lehrer", "Ingenieurin"]), ("Anrede", ["Frau", "Herr"]), ("Telefon", ["{t}"]), ("Staatsangehörigkeit", ["Deutsch", "Türkisch"])]),
    "fr": (["Nom", "Patient", "Client", "Contact", "Médecin", "Titulaire"], ["Prénom"], ["Nom de famille", "Nom"], ["Ville", "Pays", "Lieu de naissance"],
           [("Sexe", ["F", "M", "Masculin"]), ("Âge", ["{n} ans"]), ("Statut", ["Actif", "Marié"]), ("Date", ["{d}"]), ("Service", ["Urgences", "Cardiologie"]), ("Diagnostic", ["Asthme", "Grippe"]), ("Adresse", ["{n} rue du {x}"]), ("Objet", ["Facture {n}", "Réclamation"]), ("Société", ["{o}"]), ("Profession", ["Ingénieur", "Infirmière"]), ("Nationalité", ["Française"])]),
    "it": (["Nome", "Paziente", "Cliente", "Medico"], ["Nome"], ["Cognome"], ["Città", "Paese", "Comune"], [("Sesso", ["F", "M"]), ("Stato", ["Attivo"]), ("Data", ["{d}"]), ("Reparto", ["Cardiologia"]), ("Indirizzo", ["Via {x} {n}"]), ("Oggetto", ["Fattura {n}"]), ("Professione", ["Insegnante"])]),
    "pt": (["Nome", "Paciente", "Cliente", "Médico"], ["Nome próprio"], ["Apelido", "Sobrenome"], ["Cidade", "País"], [("Sexo", ["F", "M"]), ("Estado", ["Ativo", "Casado"]), ("Data", ["{d}"]), ("Serviço", ["Urgência"]), ("Morada", ["Rua {x} {n}"]), ("Assunto", ["Fatura {n}"]), ("Profissão", ["Professora"])]),
    "nl": (["Naam", "Patiënt", "Klant", "Contactpersoon"], ["Voornaam"], ["Achternaam"], ["Plaats", "Land"], [("Geslacht", ["V", "M", "Man", "Vrouw"]), ("Status", ["Actief"]), ("Datum", ["{d}"]), ("Afdeling", ["Verkoop"]), ("Straat", ["{x}straat {n}"]), ("Onderwerp", ["Factuur {n}"]), ("Beroep", ["Docent"])]),
    "ru": (["ФИО", "Пациент", "Клиент", "Врач", "Контакт"], ["Имя"], ["Фамилия"], ["Город", "Страна"], [("Пол", ["М", "Ж", "Мужской"]), ("Статус", ["Активен"]), ("Дата", ["{d}"]), ("Отделение", ["Хирургия"]), ("Диагноз", ["Астма", "Грипп"]), ("Тема", ["Счёт {n}"]), ("Должность", ["Инженер"])]),
}

# More with capitals that names nobody.
NOBODY += [
    "Discharge Summary", "Referral Letter", "Progress Note", "Follow-up appointment scheduled.", "CT Chest and X-Ray Knee", "Type 2 Diabetes Mellitus", "Chronic Heart Failure", "Rheumatoid Arthritis", "Lisinopril and Metformin were continued.", "Ibuprofen {n}mg twice daily", "The patient was counselled on diet.", "Patient denies chest pain.", "BP {n}/{n}, HR {n}, SpO2 {n}%", "Insurance ID: {n}", "Policy No: {n}",
    "{x}", "{x}\n{x}\n{x}", "# {x}", "## {x} And {x}", "- {x}\n- {x}", "{x}: {x}", "The {x} Of The {x}", "{x} ({n})", "How To {x}", "{x}!", "{x}?", "{x}, {x} and {x}", "Step {n}: {x}", "{n}. {x}", "**{x}**", "Chapter {n} - {x}", "{x} - {x}", "Welcome To {x}", "\"{x}\"", "| {x} | {x} |", "{x} Street", "{x} Avenue", "{x} River", "Mount {x}", "{x} disease", "{x} syndrome", "{x} University", "the {x} project", "{x} vs. {x}", "class {x}:", "new {x}()", "<{x}>", "import {x}", "{x}.{x}()", "{x} error", "@Override", "@Test\npublic void {w}()", "@Autowired", "@keyframes {w}", "@import '{w}.css'", "@return the {w}", "@staticmethod", "@{w}/core", "meet @ noon", "{n} @ {n}", "@media screen", "@param name", "@property", "@dataclass", "npm install @types/node", "@app.route('/')",
    "Venus and Mars", "Mercury, Venus and Saturn", "I think I know.", "He said I was right.", "English, Spanish and German", "Jan. {n}", "Mon Tue Wed", "A, B and C", "Vitamin C", "Plan B", "Type A", "iPhone and iPad", "Mac OS", "Linux and Windows", "Coca-Cola", "Toyota Corolla", "Ford Focus", "Tesla Model 3", "Mercedes Benz", "Calvin Klein jeans", "Dior perfume", "Wells Fargo account", "JP Morgan", "Johnson & Johnson", "Ben & Jerry's", "McDonald's", "Lloyds Bank", "Morgan Stanley", "Harley Davidson", "Louis Vuitton bag", "Jack Daniel's", "Levi's",
]

NOBODY += [
    "{a}: {n}", "{a} {n}", "{a}: {a}", "{a}-{n}", "the {a} of the {w}", "{a} and {a}", "{w} ({a})", "{a}: {w}", "Policy: {a}-{n}", "{a} is {n}", "{a} {n} {a}", "Key: {a}{n}", "IBAN: {a}", "SSN: {n}", "Card number: {n}", "IP: 10.0.0.1", "Token: abc{n}", "Password: {w}{n}", "API key: {a}", "Account: {n}", "Invoice: {a}-{n}", "Order: {n}",
    "ping 10.0.0.1", "ssh -p {n} host", "curl -s http://localhost:{n}", "cd /usr/local/bin", "ls -la", "grep -r {w} src", "make clean", "docker run -it {w}", "sudo systemctl restart nginx", "kill -9 {n}", "pip install {w}", "npm start", "me@localhost", "a@b", "Basic training", "Basic and Advanced", "Bearer tokens", "Cache-Control: no-cache", "Host: localhost", "Accept: */*", "Set-Cookie: id={n}", "Server: nginx", "Date: {d}", "Location: /index.html", "Basic dXNlcjpwYXNz",
]

# Scripts without capitals: nobody is named in these either.
NOBODY_ELSEWHERE = [
    "邮箱：{e}", "邮箱{e}。", "卡号{n}", "卡号：{n}", "电话：{t}", "电话号码{t}", "地址：{l}", "日期：{d}", "密码是{n}", "订单号{n}", "银行账户", "身份证号码{n}", "今天天气很好。", "请问现在几点？", "我想学习中文。", "这个函数有什么问题？", "帮我总结一下这篇文章。", "如何安装这个软件？", "价格是{n}元。", "公司地址在{l}。", "会议改到星期三。", "请把灯打开。", "明天会下雨吗？", "我的电脑坏了，怎么办？", "谢谢你的帮助。", "产品名称：手机", "数量：{n}", "备注：无", "性别：男", "年龄：{n}", "科室：内科", "诊断：高血压", "职业：教师", "国籍：中国", "主题：会议通知", "你好，世界", "请写一首关于春天的诗。", "解释一下量子力学。", "北京和上海哪个更大？", "附件是本月的报告。", "请尽快回复。",
    "電話番号：{t}", "住所：{l}", "日付：{d}", "メール：{e}", "カード番号 {n}", "今日はいい天気ですね。", "このコードを説明してください。", "値段は{n}円です。", "明日の予定を教えて。", "電気をつけて。", "会議は水曜日に変更されました。", "お問い合わせありがとうございます。", "注文番号{n}", "性別：女", "年齢：{n}歳", "診断：高血圧", "件名：会議のお知らせ", "パソコンが壊れました。", "春についての詩を書いて。", "量子力学を説明して。", "以下の文章を要約してください。", "お元気ですか。", "よろしくお願いします。", "ありがとうございます。",
    "전화번호: {t}", "주소: {l}", "이메일: {e}", "날짜: {d}", "카드번호 {n}", "오늘 날씨가 좋네요.", "이 코드를 설명해 주세요.", "가격은 {n}원입니다.", "내일 일정을 알려줘.", "불을 켜 줘.", "회의가 수요일로 변경되었습니다.", "문의해 주셔서 감사합니다.", "주문번호 {n}", "성별: 남", "나이: {n}세", "제목: 회의 안내", "컴퓨터가 고장났어요.", "봄에 대한 시를 써 줘.", "감사합니다.", "안녕하세요.",
    "رقم الهاتف: {t}", "العنوان: {l}", "التاريخ: {d}", "البريد الإلكتروني: {e}", "اشرح هذا الكود.", "كم السعر؟", "الطقس جميل اليوم.", "شكرا لك.", "الموضوع: اجتماع", "מספר טלפון: {t}", "כתובת: {l}", "תודה רבה.", "מה השעה?", "फोन नंबर: {t}", "पता: {l}", "आज मौसम अच्छा है।", "धन्यवाद।", "यह कोड समझाइए।", "เบอร์โทร: {t}", "ที่อยู่: {l}", "วันนี้อากาศดี", "ขอบคุณครับ", "ราคา {n} บาท", "شماره تلفن: {t}", "نشانی: {l}", "امروز هوا خوب است.", "متشکرم.",
    "Номер телефона: {t}", "Адрес: {l}", "Дата: {d}", "Сегодня хорошая погода.", "Объясни этот код.", "Сколько стоит?", "Напиши стихотворение о весне.", "Спасибо за помощь.", "Тема: встреча", "Номер карты: {n}", "Что такое Искусственный Интеллект?", "Τηλέφωνο: {t}", "Διεύθυνση: {l}", "Ο καιρός είναι καλός.", "Ευχαριστώ πολύ.", "Εξήγησε αυτόν τον κώδικα.",
]

# Code, a few lines at a time: {i} an identifier in small letters, {k} one in CamelCase. Nobody is named.
CODE = [
    "class {k}({k}):", "class {k}(object):\n    def __init__(self, {i}):\n        self.{i} = {i}", "raise {k}('bad {w}')", "raise {k}Error", "except ({k}Error, ValueError) as e:", "    elif {i} == {n}:", "    elif isinstance({i}, {k}):", "elif not {i}:", "    @classmethod\n    def {i}(cls):", "    @abstractmethod", "@{i}\ndef {i}():", "@{i}.{i}\ndef {i}(self):", "return {k}({i}, {n})", "import {i}", "from {i} import {k}, {k}", "from {i}.{i} import {k}", "__all__ = ['{k}', '{i}']", "{i} = True", "if {i} is None: return False", "with {k}({i}) as {i}:", "{i}, {i} = {i}.{i}({i})", "lambda {i}: {i}.{i}", "for {i} in {i}s:", "assert isinstance({i}, {k})", "'{i}': '{i}/{i}',", "print(f'{w} {n}')", "def {i}({i}: {k}, {i}: Optional[{k}] = None) -> List[{k}]:", "warnings.warn('{w}', {k}Warning)", ">>> {k}({n})\n{k}(x={n})", "Traceback (most recent call last):\n  File \"{i}.py\", line {n}\n{k}Error: {w}",
    "public class {k} extends {k} implements {k} {", "private final {k} {i} = new {k}();", "import com.{i}.{i}.{k};", "throw new {k}Exception(\"{w}\");", "public {k} get{k}() { return this.{i}; }", "@{k}\npublic void {i}() {}", "List<{k}> {i} = new ArrayList<>();", "System.out.println({i}.get{k}());", "at com.{i}.{k}.{i}({k}.java:{n})", "Caused by: java.lang.{k}Exception",
    "const {i} = require('{i}');", "import { {k}, {i} } from './{i}';", "export class {k} extends React.Component {", "const [{i}, set{k}] = useState({n});", "<{k} {i}={{i}} />", "<{k}>{w}</{k}>", "function {k}({i}) {", "interface {k} { {i}: string; }", "type {k} = {k} | {k};", "{i}.addEventListener('{i}', {i});", "await {i}.{i}(new {k}());", "module.exports = {k};", "let {i}: {k}[] = [];", "describe('{k}', () => {",
    "struct {k} { {k} {i}; };", "enum {k} { {k}, {k}, {k} };", "impl {k} for {k} {", "let {i} = {k}::new({i});", "pub fn {i}(&self) -> Result<{k}, {k}Error> {", "use {i}::{k};", "func (s *{k}) {k}({i} {k}) error {", "{i} := {i}.{k}({i})", "type {k} struct {\n\t{k} string\n}", "std::unique_ptr<{k}> {i} = std::make_unique<{k}>();", "namespace {i} {", "template <typename {k}>", "#include <{i}.h>", "static int {i}(struct {i} *{i})", "typedef struct {k} {k};", "{k} *{i} = {i}->{i};", "#define {k} {n}", "CREATE TABLE {i} ({i} INT, {i} TEXT);", "SELECT {i}, {i} FROM {i} JOIN {i} ON {i}.{i} = {i}.{i};", "ALTER TABLE {k} ADD COLUMN {k} VARCHAR({n});", "{i}:\n  {i}: {n}\n  {i}: {w}", "\"{i}\": {\"{i}\": {n}, \"{i}\": true},", "resource \"aws_{i}\" \"{i}\" {", "apiVersion: v1\nkind: {k}\nmetadata:\n  name: {i}", "name: {i}", "\"name\": \"{i}\",", "\"type\": \"{k}\"", "FROM {i}:{n}", "export {k}={i}", "The {k} class calls {i}() on {k}.", "Fix the {k} bug in {i}.", "Why does {k} throw {k}Exception?", "How do I use {k} with {k}?", "Refactor {k} into {k} and {k}.", "What does `{k}` do?", "Rename {i} to {i}.", "{k}.{i}()", "`{k}`", "`{i}.{k}`",
]

# Towns that faker's lists for the English-speaking countries do not have.
CITIES = """London Paris Berlin Tokyo Boston Madrid Rome Vienna Chicago Dallas Denver Houston Phoenix Seattle Atlanta Miami Austin Orlando Memphis Nashville Detroit Cleveland Columbus
Baltimore Philadelphia Pittsburgh Portland Sacramento Oakland Tucson Albuquerque Omaha Minneapolis Milwaukee Tampa Louisville Richmond Charlotte Raleigh Buffalo Honolulu Anchorage Boise Reno Spokane Tulsa Wichita Madison Lincoln Jackson Springfield
Arlington Birmingham Montgomery Jacksonville Cincinnati Indianapolis Manchester Liverpool Leeds Glasgow Edinburgh Cardiff Belfast Dublin Bristol Oxford Cambridge Sydney Melbourne Brisbane Perth Adelaide Auckland Wellington Toronto Montreal Vancouver
Ottawa Calgary Delhi Mumbai Bangalore Chennai Kolkata Karachi Lahore Dhaka Singapore Bangkok Jakarta Manila Hanoi Seoul Beijing Shanghai Shenzhen Osaka Kyoto Moscow Istanbul Ankara Athens Lisbon Barcelona Milan Venice Munich Hamburg Frankfurt
Zurich Geneva Brussels Amsterdam Copenhagen Stockholm Oslo Helsinki Warsaw Prague Budapest Bucharest Sofia Belgrade Zagreb Cairo Lagos Nairobi Johannesburg Casablanca Tunis Dubai Doha Riyadh Baghdad Tehran Jerusalem Beirut Lima Bogota Santiago Havana
Caracas Quito Brasilia Texas California Florida Arizona Nevada Oregon Alabama Georgia Hawaii Alaska Virginia Carolina Dakota Montana Wyoming Colorado Kansas Iowa Ohio Maine Vermont Utah Idaho Brooklyn Manhattan Hollywood""".split()
CITIES += ["New York", "Los Angeles", "San Francisco", "San Diego", "Las Vegas", "Salt Lake City", "New Orleans", "St. Louis", "San Antonio", "Hong Kong", "Tel Aviv", "Rio de Janeiro", "Mexico City", "Buenos Aires", "Ho Chi Minh City", "Cape Town", "New Jersey", "North Carolina", "South Dakota"]
PLACES = [
    "weather in {l}", "what's the weather in {l} tomorrow", "flights from {l} to {l}", "book a flight to {l} on {d}", "how far is {l} from {l}", "what time is it in {l}", "tell me the time in {l}", "find me a hotel in {l}", "restaurants in {l}", "directions to {l}", "is it raining in {l}", "traffic to {l}", "how do i get from {l} to {l}", "what is there to do in {l}", "who won the {l} game", "show me pictures of {l}", "the {l} airport", "live in {l}", "travel alert for {l}", "plug type in {l}", "i need a car rental in {l}", "best pizza in {l}", "do i need a visa for {c}", "exchange rate in {c}", "population of {l}", "What is the capital of {c}?", "I moved from {l} to {l}.", "{l} to {l} train", "how long is the drive from {l} to {l}", "events near {l} this weekend", "carry on rules for flights to {l}", "what county is {l} in", "{l} Airport", "the mayor of {l}", "Made in {c}", "transfer money from chase to wells fargo", "open my lincoln account", "call me a lincoln", "is my ford ready", "buy tickets at chase field", "drive across the george washington bridge", "table at red robin", "hey alexa, stop", "alexa play something", "ok google", "hey siri", "cortana, help", "do you like me", "are you a robot", "what is your name", "you are called what", "change your name", "what should i call you",
]
