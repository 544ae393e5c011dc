"""Names of months in the languages in which mail programs write dates, and the beginnings to which they cut them."""

import unicodedata
from collections.abc import Mapping
from typing import Final

_NAMES: Final = """
    january february march april may june july august september october november december
    januar februar märz april mai juni juli august september oktober november dezember
    jänner feber maerz april mai juno julei august september oktober november dezember
    janvier février mars avril mai juin juillet août septembre octobre novembre décembre
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
    janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
    gener febrer març abril maig juny juliol agost setembre octubre novembre desembre
    januari februari maart april mei juni juli augustus september oktober november december
    januari februari mars april maj juni juli augusti september oktober november december
    januar februar marts april maj juni juli august september oktober november december
    januar februar mars april mai juni juli august september oktober november desember
    tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu lokakuu marraskuu joulukuu
    stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
    styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień
    ledna února března dubna května června července srpna září října listopadu prosince
    leden únor březen duben květen červen červenec srpen září říjen listopad prosinec
    januára februára marca apríla mája júna júla augusta septembra októbra novembra decembra
    január február március április május június július augusztus szeptember október november december
    ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
    ocak şubat mart nisan mayis haziran temmuz ağustos eylül ekim kasim aralik
    января февраля марта апреля мая июня июля августа сентября октября ноября декабря
    январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь
    січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня
    януари февруари март април май юни юли август септември октомври ноември декември
    ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου νοεμβρίου δεκεμβρίου
    ιανουάριος φεβρουάριος μάρτιος απρίλιος μάιος ιούνιος ιούλιος αύγουστος σεπτέμβριος οκτώβριος νοέμβριος δεκέμβριος
    januar februar marec april maj junij julij avgust september oktober november december
    jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember
    sausio vasario kovo balandžio gegužės birželio liepos rugpjūčio rugsėjo spalio lapkričio gruodžio
    ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר
    يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر
    januari februari maret april mei juni juli agustus september oktober november desember
"""
"""A line for each form of a language. They agree with Unicode's CLDR as Babel 2.19 has it (2026-11).

Croatian is missing: its listopad is October, and that of Polish and Czech is November.
"""
_CUT: Final = {"mar": 3, "mrz": 3, "mrt": 3, "čvn": 6, "čvc": 7}
"""Abbreviations that are no beginning of a name, or that several names share."""
_LEAST_CHARACTERS: Final = 3
_DOTLESS_I: Final = "\u0131"


def number_month(word: str) -> int | None:
    """Return the number of the month that a folded word names, in full, cut, or with an ending; None if none."""
    for end in range(len(word), _LEAST_CHARACTERS - 1, -1):
        number = _MONTHS.get(word[:end])
        if number:
            return number
    return None


def fold(text: str) -> str:
    """Return a text in lower case, without the accents that programs leave out."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.lower().replace(_DOTLESS_I, "i"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _read_names() -> Mapping[str, int]:
    months: dict[str, int] = {}
    shared: set[str] = set()
    whole: dict[str, int] = {}
    for line in _NAMES.strip().splitlines():
        for month, name in enumerate(map(fold, line.split()), start=1):
            whole[name] = month
            for end in range(_LEAST_CHARACTERS, len(name)):
                if months.setdefault(name[:end], month) != month:
                    shared.add(name[:end])
    for beginning in shared:
        del months[beginning]
    return months | whole | {fold(name): month for name, month in _CUT.items()}


_MONTHS: Final = _read_names()
"""The number of each month, by its folded names and those of their beginnings that are no other month's."""
