"""Personal data: what checks itself, what has a form, and what only its surroundings tell."""

import pytest

from aver.guard import mask
from aver.guard.personal import PersonalData

BARE, FULL = PersonalData(names=False), PersonalData()


def found(text, detector=BARE):
    return {(each.kind, text[each.start : each.end]) for each in detector.find(text)}


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("CREDIT_CARD", "4111 1111 1111 1111", "my card 4111 1111 1111 1111 is lost"),
        ("CREDIT_CARD", "371449635398431", "371449635398431"),
        ("IBAN_CODE", "GB82 WEST 1234 5698 7654 32", "pay to GB82 WEST 1234 5698 7654 32, please"),
        ("IBAN_CODE", "DE89370400440532013000", "DE89370400440532013000"),
        ("US_SSN", "536-22-1234", "SSN: 536-22-1234."),
        ("UK_NHS", "943 476 5919", "NHS number 943 476 5919"),
        ("DE_TAX_ID", "36574261809", "Steuer-ID 36574261809"),
        ("FR_NIR", "295109912611193", "295109912611193"),
        ("ES_NIF", "54362315K", "DNI 54362315K"),
        ("IT_FISCAL_CODE", "RCCMNL83S18D969H", "codice fiscale RCCMNL83S18D969H"),
        ("BR_CPF", "390.533.447-05", "CPF 390.533.447-05"),
        ("EMAIL_ADDRESS", "Ada.Byron+x@mail.example.co.uk", "write to Ada.Byron+x@mail.example.co.uk."),
        ("DOMAIN_NAME", "https://www.example.org/", "see https://www.example.org/ now"),
        ("URL", "https://example.org/a?b=c", "see https://example.org/a?b=c."),
        ("IP_ADDRESS", "203.0.113.7", "from 203.0.113.7 again"),
        ("IP_ADDRESS", "2001:db8::8a2e:370:7334", "from 2001:db8::8a2e:370:7334 again"),
        ("PHONE_NUMBER", "+44 20 7946 0958", "dial +44 20 7946 0958"),
        ("PHONE_NUMBER", "(212) 555-0173", "it is (212) 555-0173, I think"),
        ("PHONE_NUMBER", "0121 496 0123", "call me on 0121 496 0123"),
        ("DATE_TIME", "12 March 1984", "born 12 March 1984"),
        ("AGE", "43", "a 43-year-old man"),
        ("TITLE", "Dr.", "ask Dr. House"),
        ("ZIP_CODE", "90210", "zip code 90210"),
        ("NRP", "Norwegian", "a Norwegian passport"),
        ("GPE", "Portugal", "he moved to Portugal"),
    ],
)
def test_what_tells_itself(kind, value, text):
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "GB82 WEST 1234 5698 7654 33",
        "000-12-3456",
        "order 9434765919",
        "version 1.2.3.4000",
        "999.999.1.1",
        "54362315A",
        "a @ b",
        "commit 9f8e7d6c5b4a39281706f5e4d3c2b1a098765432",
        "pi is 3.14159265358979",
    ],
)
def test_what_fails_its_own_check_is_nothing(text):
    assert found(text) == set()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("PERSON", "Ottilie Brandvold", "Please ask Ottilie Brandvold whether the invoice was paid."),
        ("PERSON", "Kwame Osei", "Our contact is Kwame Osei, who answers within a day."),
        ("PERSON", "Yuki Tanaka", "Best regards,\nYuki Tanaka"),
        ("GPE", "Valparaíso", "She moved from Valparaíso to Lyon last year."),
    ],
)
def test_what_only_its_surroundings_tell(kind, value, text):
    assert (kind, value) in found(text, FULL)


@pytest.mark.parametrize(
    "text",
    [
        "How do I reset my password?",
        "The report is due at the end of the quarter.",
        "Click Save, then close the window and open the settings again.",
        "Please read the instructions before you continue.",
    ],
)
def test_ordinary_sentences_hold_nothing(text):
    assert found(text, FULL) == set()


def test_a_surer_finding_does_not_uncover_the_rest_of_another():
    text = "My name is Ottilie Brandvold and my mail is ottilie.brandvold@example.org"
    assert {kind for kind, _ in found(text, FULL)} >= {"PERSON", "EMAIL_ADDRESS"}


DISGUISES = {
    "zero width": "4111\u200b1111\u200b1111\u200b1111",
    "full width": "\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11",
    "soft hyphens": "41\u00ad11 1111 11\u00ad11 1111",
    "narrow spaces": "4111\u202f1111\u202f1111\u202f1111",
    "dashes": "4111\u20131111\u20131111\u20131111",
    "dots": "4111.1111.1111.1111",
    "arabic digits": "\u0664\u0661\u0661\u0661 1111 1111 1111",
    "mathematical digits": "\U0001d7d2\U0001d7cf\U0001d7cf\U0001d7cf 1111 1111 1111",
    "turned about": "\u202d4111 1111 1111 1111\u202c",
    "tags": "".join(chr(0xE0000 + ord(char)) for char in "4111 1111 1111 1111"),
}


@pytest.mark.parametrize("written", DISGUISES)
def test_a_number_in_disguise_is_cut_out_whole(written):
    text = f"Please charge {DISGUISES[written]} today."
    assert mask(text, BARE.find(text)) in (
        "Please charge [CREDIT_CARD] today.",
        "Please charge \u202d[CREDIT_CARD]\u202c today.",
    )


def test_an_address_in_disguise():
    text = "mail \u0430d\u0430@ex\u0430mple.org, or ada\uff20example\uff0eorg"
    assert mask(text, BARE.find(text)) == "mail [EMAIL_ADDRESS], or [EMAIL_ADDRESS]"


@pytest.mark.parametrize(
    "text",
    [
        "https://example.gov/PRAView?ref_nbr=202208-3090-003 257585",
        "rows 4 5 6 7 8 9 10 11 12 13 14 15 16",
        "2024.01.02 2024.05.06",
        "1111111111111117",
        "3111111111111117",
    ],
)
def test_long_numbers_that_no_card_is_printed_like(text):
    assert not {kind for kind, _ in found(text)} & {"CREDIT_CARD"}


def test_what_a_name_is_near_does_not_change_what_a_number_is():
    text = "How many days carry over to the next year? 4111 1111 1111 1111"
    assert ("CREDIT_CARD", "4111 1111 1111 1111") in found(text, FULL)
