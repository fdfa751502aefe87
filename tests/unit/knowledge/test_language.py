"""A language is told where its commonest words tell it, and not guessed elsewhere."""

import pytest

from aver.knowledge.language import language_of, words_of

TEXTS = {
    "de": "Wer in Elternzeit geht, muss das der Personalabteilung spätestens sieben Wochen vorher schriftlich mitteilen. Die Zeit kann auf mehrere Abschnitte verteilt werden, wenn der Betrieb dem zustimmt.",
    "en": "Anyone who takes parental leave has to tell the personnel office in writing seven weeks before it begins. The leave may be divided into several parts if the firm agrees to it.",
    "es": "Quien tome el permiso parental debe comunicarlo por escrito a la oficina de personal siete semanas antes. El permiso se puede dividir en varias partes si la empresa está de acuerdo con ello.",
    "fr": "Toute personne qui prend un congé parental doit en informer par écrit le service du personnel sept semaines avant le début. Le congé peut être divisé en plusieurs parties si l'entreprise est d'accord.",
    "it": "Chi prende il congedo parentale deve comunicarlo per iscritto all'ufficio del personale sette settimane prima. Il congedo può essere diviso in più parti se l'azienda è d'accordo con questa scelta.",
    "nl": "Wie ouderschapsverlof neemt, moet dat zeven weken van tevoren schriftelijk aan de afdeling personeel melden. Het verlof kan in meerdere delen worden opgesplitst als het bedrijf daarmee instemt.",
    "pl": "Kto bierze urlop rodzicielski, musi powiadomić o tym na piśmie dział kadr siedem tygodni przed jego początkiem. Urlop może być podzielony na kilka części, jeśli firma się na to zgodzi, a to nie jest zawsze oczywiste.",
    "pt": "Quem goza a licença parental deve comunicar isso por escrito ao serviço de pessoal sete semanas antes. A licença pode ser dividida em várias partes se a empresa estiver de acordo com essa escolha.",
    "sv": "Den som tar föräldraledigt måste meddela det skriftligt till personalavdelningen sju veckor innan den börjar. Ledigheten kan delas upp i flera delar om företaget går med på det, och det gör det ofta.",
}
UNTOLD = [
    "Vanhempainvapaasta on ilmoitettava kirjallisesti henkilöstöosastolle seitsemän viikkoa ennen sen alkamista ja vapaan voi jakaa useaan osaan jos yritys siihen suostuu.",
    "О родительском отпуске нужно письменно сообщить отделу кадров за семь недель до его начала, и его можно разделить на части, если фирма согласна.",
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega",
    "The leave begins.",
    "",
]


@pytest.mark.parametrize(("language", "text"), TEXTS.items(), ids=TEXTS)
def test_told(language, text):
    assert language_of(words_of(text)) == language


@pytest.mark.parametrize("text", UNTOLD)
def test_not_guessed(text):
    assert language_of(words_of(text)) == ""
