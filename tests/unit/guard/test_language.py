import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.guard.language import Language, language

TEXTS = {
    "en": "Employees who travel for work book their trains through the desk, and they keep all the receipts.",
    "de": "Wer für die Arbeit verreist, bucht die Bahn über das Reisebüro und hebt alle Belege auf.",
    "fr": "Les employés qui voyagent pour leur travail réservent les trains auprès du bureau et gardent les reçus.",
    "es": "Los empleados que viajan por trabajo reservan los trenes con la oficina y guardan todos los recibos.",
    "it": "I dipendenti che viaggiano per lavoro prenotano i treni con l'ufficio e conservano tutte le ricevute.",
    "pt": "Os funcionários que viajam a trabalho reservam os trens com o escritório e guardam todos os recibos, não é?",
    "nl": "Medewerkers die voor hun werk reizen boeken de trein bij het kantoor en zij bewaren alle bonnen.",
    "pl": "Pracownicy, którzy podróżują służbowo, rezerwują pociągi przez biuro i nie wyrzucają tego, co jest potrzebne.",
    "tr": "İş için seyahat eden çalışanlar bir ofis ile tren ayırtır ve bu belgeleri daha sonra da saklar.",
    "ru": "Сотрудники, которые едут по работе, заказывают поезд через бюро, и они хранят все чеки.",
    "uk": "Працівники, які їдуть по роботі, замовляють потяг через бюро, і вони зберігають чеки, що є у них.",
    "el": "Οι υπάλληλοι που ταξιδεύουν κλείνουν τα τρένα από το γραφείο.",
    "zh": "出差的员工通过服务台预订火车票，并保留所有收据。",
    "ja": "出張する社員は窓口で列車を予約し、領収書をすべて保管します。",
    "ko": "출장 가는 직원은 창구에서 기차를 예약하고 영수증을 모두 보관합니다.",
    "ar": "الموظفون الذين يسافرون للعمل يحجزون القطارات عبر المكتب.",
    "hi": "काम के लिए यात्रा करने वाले कर्मचारी कार्यालय से ट्रेन बुक करते हैं।",
}


@pytest.mark.parametrize("code", TEXTS)
def test_sentences_are_told_apart(code):
    found, sure = language(TEXTS[code])
    assert found == code
    assert sure > 0.5


@pytest.mark.parametrize(
    "text", ["", "OK", "4711", "```\nfor x in y: pass\n```", "Northwind GmbH", "https://example.org/the/of/and"]
)
def test_what_is_too_short_is_not_guessed(text):
    assert language(text)[1] < 0.5


async def test_a_sentence_in_another_language_is_pointed_out():
    text = f"{TEXTS['en']}\n\n{TEXTS['de']}\n\n{TEXTS['en']}"
    verdict = await Language(["en"]).check(text, "output")
    assert verdict.outcome == "flag"
    assert [text[each.start : each.end] for each in verdict.findings] == [TEXTS["de"]]
    assert (await Language(["en", "de"]).check(text, "output")).outcome == "pass"


@pytest.mark.parametrize("codes", [[], ["en", "klingon"]])
def test_a_declaration_without_known_languages_is_refused(codes):
    with pytest.raises(InvalidInput):
        Language(codes)


@given(st.text(max_size=200))
async def test_findings_lie_in_any_text_in_order(text):
    last = 0
    for each in (await Language(["en"]).check(text, "input")).findings:
        assert last <= each.start < each.end <= len(text)
        last = each.end


@pytest.mark.parametrize(
    "text", ["```" * 60_000, "`a" * 60_000, "der die das. " * 15_000, "я" * 150_000, "https://" * 20_000]
)
async def test_hostile_text_is_read_to_its_end(text):
    # What grew with the square of the length would not end here in any patience.
    assert all(each.end <= len(text) for each in (await Language(["en"]).check(text, "input")).findings)
