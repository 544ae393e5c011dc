"""Which folders of a mailbox are mined. Pure."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fetcher.imap.names import title_of

UNSELECTABLE = frozenset({"\\noselect", "\\nonexistent"})
ALL = "\\all"
LEFT_OUT_USES = frozenset({"\\drafts", "\\junk", "\\spam", "\\trash"})
"""Special-use attributes of RFC 6154, and the older `\\Spam`."""

DRAFTS = """
    drafts draft brouillons brouillon entwürfe entwurf borradores borrador bozze bozza rascunhos rascunho concepten
    utkast kladder kladde luonnokset szkice kopie_robocze wersje_robocze koncepty rozepsané piszkozatok ciorne
    nacrti черновики чернетки чернови taslaklar πρόχειρα טיוטות مسودات المسودات 下書き 草稿 草稿箱 草稿匣
    임시보관함 임시_보관함
"""
JUNK = """
    junk junk_e-mail junk_email junk_mail junk-e-mail junk-email spam spamverdacht spambox bulk bulk_mail quarantine
    pourriel pourriels indésirables courrier_indésirable courriers_indésirables unerwünscht unerwünschte_werbung
    junk-e-mail-ordner correo_no_deseado no_deseado correo_basura posta_indesiderata indesiderata lixo_eletrônico
    lixo_eletrónico correio_de_lixo ongewenst ongewenste_e-mail skräp skräppost søppelpost uønsket_e-post uønsket_mail
    uønsket roskaposti wiadomości-śmieci niechciane nevyžádaná_pošta nevyžiadaná_pošta levélszemét спам
    нежелательная_почта нежелательные istenmeyen önemsiz önemsiz_e-posta gereksiz ανεπιθύμητα דואר_זבל 迷惑メール
    垃圾邮件 垃圾郵件 垃圾信件 스팸 스팸메일함 스팸함 정크_메일
"""
TRASH = """
    trash bin deleted deleted_items deleted_messages deleted_mail deleted_mails corbeille poubelle éléments_supprimés
    messages_supprimés supprimés papierkorb gelöscht gelöschte_elemente gelöschte_objekte gelöschte_nachrichten papelera
    elementos_eliminados mensajes_eliminados eliminados cestino posta_eliminata elementi_eliminati messaggi_eliminati
    eliminata lixeira lixo itens_excluídos itens_eliminados mensagens_excluídas caixote_do_lixo reciclagem prullenbak
    prullenmand verwijderd verwijderde_items verwijderde_berichten papperskorg papperskorgen borttaget borttagna
    borttagna_objekt papirkurv papirkurven slettet slettede_elementer slettet_post roskakori poistetut kosz usunięte
    elementy_usunięte koš odstraněné odstraněná_pošta kôš kuka törölt törölt_elemek coș_de_gunoi șterse elemente_șterse
    корзина удаленные удалённые удаленные_сообщения кошик видалені çöp çöp_kutusu silinmiş silinmiş_öğeler
    κάδος κάδος_απορριμμάτων διαγραμμένα אשפה سلة_المهملات ごみ箱 ゴミ箱 削除済みアイテム 已删除 已删除邮件 已刪除的郵件
    垃圾桶 废件箱 휴지통 지운편지함 지운_편지함
"""
OUTBOX = """
    outbox unsent unsent_messages boîte_d'envoi postausgang bandeja_de_salida posta_in_uscita
    caixa_de_saída postvak_uit utkorg utkorgen utboks udbakke lähtevät skrzynka_nadawcza pošta_k_odeslání
    исходящие вихідні giden_kutusu εξερχόμενα 送信トレイ 发件箱 寄件匣 보낼_편지함
"""
SENT = """
    sent sent_items sent_mail sent_messages envoyés messages_envoyés éléments_envoyés courrier_envoyé gesendet
    gesendete_elemente gesendete_objekte gesendete_nachrichten enviados elementos_enviados mensajes_enviados
    correo_enviado inviata inviati posta_inviata messaggi_inviati elementi_inviati itens_enviados mensagens_enviadas
    enviadas verzonden verzonden_items verzonden_berichten skickat skickade skickade_objekt sendt sendte_elementer
    sendt_post lähetetyt wysłane elementy_wysłane odeslané odeslaná_pošta odoslané odoslaná_pošta elküldött
    elküldött_elemek trimise elemente_trimise отправленные отправленные_сообщения надіслані gönderilmiş
    gönderilmiş_öğeler gönderilenler απεσταλμένα פריטים_שנשלחו البريد_المرسل المرسلة 送信済み 送信済みアイテム 已发送
    已发送邮件 寄件備份 已傳送郵件 보낸_편지함 보낸메일함
"""


def folded(piece: str) -> str:
    plain = unicodedata.normalize("NFC", piece).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return unicodedata.normalize("NFC", plain.casefold()).strip()


NAMES = {
    role: frozenset(folded(word.replace("_", " ")) for word in words.split())
    for role, words in {"drafts": DRAFTS, "junk": JUNK, "trash": TRASH, "outbox": OUTBOX, "sent": SENT}.items()
}
"""The names, in common languages, that mail programs and providers give to folders, by what they are for."""
LEFT_OUT_NAMES = NAMES["drafts"] | NAMES["junk"] | NAMES["trash"] | NAMES["outbox"]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as LIST shows it: its name, its lower-case attributes, and the delimiter of its name.

    `listed` is False for an INBOX that LIST did not name. If a line of LIST cannot be read, its folder has the whole
    line as its name and is not `readable`.
    """

    name: str
    attributes: frozenset[str] = field(default=frozenset())
    delimiter: str = ""
    listed: bool = True
    readable: bool = True

    @property
    def selectable(self) -> bool:
        return self.readable and not self.attributes & UNSELECTABLE

    @property
    def title(self) -> str:
        """The name as a person reads it."""
        return title_of(self.name)

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.title.split(self.delimiter)) if self.delimiter else (self.title,)


def default_folders(folders: Sequence[Folder]) -> list[str]:
    r"""Return the names of the folders to mine if the user names none, sorted.

    If there is a selectable ``\All`` folder, only that one. Otherwise every folder except drafts, junk, trash and
    outbox, and the folders inside them.
    """
    everything = all_mail(folders)
    return separate_folders(folders) if everything is None else [everything]


def all_mail(folders: Iterable[Folder]) -> str | None:
    r"""Return the name of the folder that has all mail (``\All``), if there is one that can be opened."""
    return min((folder.name for folder in folders if folder.selectable and ALL in folder.attributes), default=None)


def separate_folders(folders: Sequence[Folder]) -> list[str]:
    r"""Return the names of the folders that together have all mail, sorted, without one that is marked ``\All``."""
    selectable = [folder for folder in folders if folder.selectable and ALL not in folder.attributes]
    roots = {folder.path for folder in folders if folder.attributes & LEFT_OUT_USES}
    return sorted(folder.name for folder in selectable if not _is_left_out(folder.path, roots))


def choose_folders(asked: Iterable[str] | None, folders: Sequence[Folder]) -> tuple[list[str], list[str]]:
    """Return the folders to mine (the default ones for None), and those of `asked` that do not exist.

    The names are spelled as the server spells them, and neither list has duplicates. Names are case-sensitive, except
    for INBOX (RFC 9051 section 5.1). If several folders read alike, all of them are meant.
    """
    if asked is None:
        return default_folders(folders), []
    selectable = [folder for folder in folders if folder.selectable]
    found: dict[str, None] = {}
    missing: dict[str, None] = {}
    for name in asked:
        meant = [
            each.name for each in selectable if name == each.name or _inbox_folded(name) == _inbox_folded(each.title)
        ]
        found.update(dict.fromkeys(meant))
        if not meant:
            missing[name] = None
    return list(found), list(missing)


def sent_folders(folders: Iterable[Folder]) -> frozenset[str]:
    r"""Return the names of the folders with the mail that the user sent: ``\Sent``, or else by the common names."""
    marked = frozenset(folder.name for folder in folders if "\\sent" in folder.attributes)
    return marked or frozenset(folder.name for folder in folders if folded(folder.path[-1]) in NAMES["sent"])


def _is_left_out(path: tuple[str, ...], roots: set[tuple[str, ...]]) -> bool:
    below = any(path[:depth] in roots for depth in range(1, len(path) + 1))
    return below or any(folded(piece) in LEFT_OUT_NAMES for piece in path)


def is_inbox(name: str) -> bool:
    """Return whether a folder's name is INBOX, in any case."""
    return name.upper() == "INBOX"


def _inbox_folded(name: str) -> str:
    return "INBOX" if is_inbox(name) else unicodedata.normalize("NFC", name)
