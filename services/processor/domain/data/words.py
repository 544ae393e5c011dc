"""Words in addresses that tell their purpose, in English, French, German, Spanish, Italian and Portuguese.

A word of several pieces is written with hyphens and matches them with any separator. No word is in two lists.
"""

from typing import Final

NO_REPLY: Final = """
    noreply no-reply donotreply do-not-reply dontreply dont-reply noresponse no-response do-not-respond donotrespond
    nonreply non-reply autoreply auto-reply autoresponder auto-responder automailer automated ne-pas-repondre
    nepasrepondre ne-repondez-pas sans-reponse nichtantworten nicht-antworten bitte-nicht-antworten keineantwort
    keine-antwort no-responder noresponder no-responda noresponda no-contestar nocontestar non-rispondere
    nonrispondere nao-responder naoresponder nao-responda naoresponda notification notifications notify notifier
    benachrichtigung benachrichtigungen notificacion notificaciones notifica notifiche notificacao notificacoes
    alert alerts alerte alertes alerta alertas avviso avvisi mailer-daemon mailerdaemon mail-daemon maildaemon
    auto-confirm autoconfirm auto-confirmation delivery-status
"""

TRANSACTIONAL: Final = """
    bounce bounces orders order-confirmation order-confirm orderconfirmation ship-confirm shipconfirm
    ship-confirmation shipment shipments shipment-tracking shipping-confirmation delivery-confirmation receipt
    receipts e-receipt e-receipts invoice invoices e-invoice e-invoices einvoice einvoices postmaster unsubscribe
    update updates invitation invitations invite invites connect commande commandes livraison livraisons expedition
    facture factures desinscription desabonnement bestellung bestellungen bestellbestaetigung auftragsbestaetigung
    lieferung lieferungen versand versandbestaetigung rechnung rechnungen abmeldung einladung einladungen
    aktualisierungen pedido pedidos factura facturas darse-de-baja invitacion invitaciones actualizaciones ordini
    spedizione spedizioni consegna consegne fattura fatture inviti aggiornamenti encomenda encomendas entrega
    entregas fatura faturas convites atualizacoes
"""

NEWSLETTER: Final = """
    newsletter newsletters news-letter news-letters enewsletter enewsletters e-newsletter e-newsletters e-news enews
    mailing mailings emailing emailings e-mailing e-mailings bulletin bulletins digest digests infolettre
    infolettres info-lettre info-lettres lettre-info lettre-infos lettre-information lettre-d-information infobrief
    infobriefe rundbrief rundbriefe rundmail boletin boletines notiziario notiziari boletim boletins
"""

ROLE: Final = """
    abuse hostmaster info marketing news noc sales security support usenet uucp webmaster www ftp request accounting
    accounts accounts-payable accounts-receivable accountspayable admin administration administrator admissions
    billing board booking bookings career careers commercial community compliance customer-care customer-service
    customer-support customercare customerservice customersupport customers editor editorial enquiries enquiry event
    events feedback finance front-desk frontdesk gdpr general hello help help-desk helpdesk hi hiring hr
    human-resources inquiries inquiry jobs legal library management media membership members newsroom office
    operations ops partner partners partnership partnerships payroll press privacy procurement purchasing reception
    recruiting recruitment reservation reservations returns root sales-team secretariat secretary service
    service-desk servicedesk services shop store support-team sysadmin talent team tech tech-support technical
    techsupport training accueil achats adhesion adhesions aide assistance bonjour bureau compta comptabilite
    communication direction dpo emploi equipe facturation formation informations juridique mairie partenariat
    partenariats presse recrutement redaction relation-client relations-presse renseignements ressources-humaines rh
    sav service-client service-clients serviceclient serviceclients vente ventes anfrage anfragen bewerbung
    bewerbungen buchhaltung buchung buero datenschutz einkauf empfang geschaeftsfuehrung hallo hilfe kanzlei
    karriere kundenbetreuung kundendienst kundenservice leitung personal personalabteilung praxis rechnungswesen
    redaktion reservierung sekretariat technik verkauf vertrieb verwaltung zentrale administracion
    atencion-al-cliente atencion-cliente atencionalcliente ayuda clientes comercial compras contabilidad empleo
    equipo facturacion gerencia hola informacion oficina prensa recepcion recursos-humanos recursoshumanos reservas
    rrhh secretaria soporte ventas acquisti aiuto amministrazione assistenza ciao clienti commerciale contabilita
    direzione fatturazione informazioni lavoro prenotazioni risorse-umane segreteria servizio-clienti
    servizioclienti stampa supporto ufficio ufficio-stampa ufficiostampa vendite administracao ajuda apoio
    apoio-ao-cliente atendimento cobranca contabilidade escritorio faturacao faturamento financeiro imprensa
    informacoes sac suporte vagas vendas
"""

CHAT_HOSTS: Final = """
    reply.airbnb.com reply.linkedin.com reply.github.com reply.craigslist.org reply.upwork.com reply.yelp.com
    reply.facebook.com reply.gumtree.com reply.etsy.com guest.booking.com property.booking.com messages.homeaway.com
    messages.vrbo.com messagerie.leboncoin.fr mail.kleinanzeigen.de mail.ebay-kleinanzeigen.de
    marketplace.amazon.com marketplace.amazon.co.uk marketplace.amazon.de marketplace.amazon.es
    marketplace.amazon.fr marketplace.amazon.it members.ebay.com members.ebay.co.uk members.ebay.de members.ebay.es
    members.ebay.fr members.ebay.it
"""

GROUP_HOSTS: Final = """
    groups.io googlegroups.com groups.google.com yahoogroups.com yahoogroupes.fr yahoogroups.de egroups.com
    onelist.com freelists.org framalistes.org simplelists.com listbox.com topica.com gaggle.email groups.outlook.com
"""

GROUP_LABELS: Final = "groups list liste listen lists listes listas listserv mailman"

EXCHANGE_ROBOT: Final = "microsoftexchange[0-9a-f]{32}"
"""A pattern for the local part from which Exchange sends its reports (Exchange 2010 and later)."""
