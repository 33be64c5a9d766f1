package reason

// The codes. What arguments each has stands in its words.
const (
	// Words is what came in words, such as the text of an error of the
	// operating system.
	Words Code = "words"

	// Who is on the other side.
	TheAPI             Code = "the_api"
	TheProxy           Code = "the_proxy"
	ProxyOfMachine     Code = "proxy_of_machine"
	DeadManService     Code = "dead_man_service"
	TheAlertmanager    Code = "the_alertmanager"
	MetadataService    Code = "metadata_service"
	PodIdentityService Code = "pod_identity_service"
	IAM                Code = "iam"
	TheEndpoint        Code = "the_endpoint"

	// How long was waited.
	Within Code = "within"
	InTime Code = "in_time"

	// The network.
	NotWaitedFor      Code = "not_waited_for"
	NoSuchHost        Code = "no_such_host"
	LookupFailed      Code = "lookup_failed"
	LookupTimeout     Code = "lookup_timeout"
	HandshakeTimeout  Code = "handshake_timeout"
	ProxyTimeout      Code = "proxy_timeout"
	ConnectTimeout    Code = "connect_timeout"
	BodyTimeout       Code = "body_timeout"
	AnswerTimeout     Code = "answer_timeout"
	ConnectionRefused Code = "connection_refused"
	NoRoute           Code = "no_route"
	SurplusBytes      Code = "surplus_bytes"
	HandshakeCut      Code = "handshake_cut"
	ProxyCut          Code = "proxy_cut"
	AnswerCut         Code = "answer_cut"
	TLSForHTTP        Code = "tls_for_http"
	NotHTTP           Code = "not_http"
	ExchangeFailed    Code = "exchange_failed"

	// Proxies.
	ProxyVariable         Code = "proxy_variable"
	ProxyRefused          Code = "proxy_refused"
	ProxyWrongLogin       Code = "proxy_wrong_login"
	ProxyWantsLogin       Code = "proxy_wants_login"
	ProxyCouldNotReach    Code = "proxy_could_not_reach"
	ProxyWantsLoginAnswer Code = "proxy_wants_login_answer"

	// TLS.
	NoSubjectAltNames  Code = "no_subject_alternative_names"
	AnotherHost        Code = "another_host"
	SelfSigned         Code = "self_signed"
	UnknownAuthority   Code = "unknown_authority"
	NotYetValid        Code = "not_yet_valid"
	CertificateExpired Code = "certificate_expired"
	NotForServers      Code = "not_for_servers"
	WeakSignature      Code = "weak_signature"
	NotTrusted         Code = "not_trusted"
	HTTPForTLS         Code = "http_for_tls"
	NoTLS              Code = "no_tls"
	OldTLS             Code = "old_tls"
	HandshakeRefused   Code = "handshake_refused"
	UnknownName        Code = "unknown_name"
	ClientCertificate  Code = "client_certificate"
	HelloNotRead       Code = "hello_not_read"
	HandshakeEnded     Code = "handshake_ended"
	HandshakeFailed    Code = "handshake_failed"
	// What to do about an authority that is not known.
	AddToCAFile Code = "add_to_ca_file"
	AddToSystem Code = "add_to_system"

	// What a handshake with an instance found.
	ProbePlainText       Code = "probe_plain_text"
	ProbeExpired         Code = "probe_expired"
	ProbeNotYetValid     Code = "probe_not_yet_valid"
	ProbeExpiring        Code = "probe_expiring"
	ProbeOtherName       Code = "probe_other_name"
	ProbeUntrusted       Code = "probe_untrusted"
	ProbeUntrustedByFile Code = "probe_untrusted_by_file"
	ProbeCAEndsFirst     Code = "probe_ca_ends_first"
	ProbeOldTLS          Code = "probe_old_tls"
	EndpointOtherDate    Code = "endpoint_other_date"
	EndpointUnnamed      Code = "endpoint_unnamed"

	// What the API said.
	SaidBoth   Code = "said_both"
	SaidOne    Code = "said_one"
	SaidStatus Code = "said_status"

	// What a body is that the API did not write.
	EmptyBody    Code = "empty_body"
	Page         Code = "page"
	UntitledPage Code = "untitled_page"
	SaysFault    Code = "says_fault"
	OtherJSON    Code = "other_json"
	BrokenJSON   Code = "broken_json"
	NotJSON      Code = "not_json"

	// Why a 200 can't be believed.
	With               Code = "with"
	TooLarge           Code = "too_large"
	EmptyObjectAsPage  Code = "empty_object_as_page"
	OtherInstance      Code = "other_instance"
	EnabledNotBoolean  Code = "enabled_not_boolean"
	OffWithError       Code = "off_with_error"
	NoValidated        Code = "no_ssl_validated"
	ValidatedNoBoolean Code = "ssl_validated_not_boolean"
	NoExpiry           Code = "no_ssl_expired_at"
	ExpiryNotText      Code = "ssl_expired_at_not_text"
	ExpiryNoDate       Code = "ssl_expired_at_no_date"
	ForeignField       Code = "foreign_field"
	FieldWithoutOn     Code = "field_without_enabled"
	FieldNotText       Code = "field_not_text"
	// What to do about it.
	LookBetween Code = "look_between"
	LookForNew  Code = "look_for_new_version"

	// Why a list can't be believed.
	ListUnbelievable  Code = "list_unbelievable"
	ListWithoutNumber Code = "list_without_instance_num"
	ListWithoutID     Code = "list_without_instance_id"
	ListRepeats       Code = "list_repeats"
	ListChanged       Code = "list_changed"
	ListTooLong       Code = "list_too_long"
	ListTooShort      Code = "list_too_short"
	ListEndless       Code = "list_endless"
	MayNotList        Code = "may_not_list"

	// The API's answers.
	Unbelievable      Code = "unbelievable"
	Unsupported       Code = "unsupported"
	Missing           Code = "missing"
	NotServed         Code = "not_served"
	AddressRefused    Code = "address_refused"
	MayNotRead        Code = "may_not_read"
	Throttled         Code = "throttled"
	UnknownAddress    Code = "unknown_address"
	UnreadableProject Code = "unreadable_project"
	Busy              Code = "busy"
	APIFailed         Code = "api_failed"
	OtherAnswer       Code = "other_answer"
	NotTheAPI404      Code = "not_the_api_404"
	NotTheAPI403      Code = "not_the_api_403"
	NotTheAPI5xx      Code = "not_the_api_5xx"
	NotTheAPI         Code = "not_the_api"
	RedirectNowhere   Code = "redirect_nowhere"
	RedirectToHTTPS   Code = "redirect_to_https"
	RedirectElsewhere Code = "redirect_elsewhere"
	RequestNotMade    Code = "request_not_made"
	BadInstanceID     Code = "bad_instance_id"
	SlowAnswers       Code = "slow_answers"

	// A credential, and how to mend it.
	AccessKey             Code = "access_key"
	TemporaryKey          Code = "temporary_access_key"
	Token                 Code = "token"
	AgencyCredential      Code = "agency_credential"
	PodCredential         Code = "pod_credential"
	ExpiredWhenIssued     Code = "expired_when_issued"
	CredentialRefused     Code = "credential_refused"
	CredentialUnknown     Code = "credential_unknown"
	CredentialLocked      Code = "credential_locked"
	CredentialElsewhere   Code = "credential_elsewhere"
	CredentialRenew       Code = "credential_renew"
	CredentialRefusedHow  Code = "credential_refused_or_login"
	ClockOff              Code = "clock_off"
	ClockProbablyOff      Code = "clock_probably_off"
	MinutesAhead          Code = "minutes_ahead"
	MinutesBehind         Code = "minutes_behind"
	HoursAhead            Code = "hours_ahead"
	HoursBehind           Code = "hours_behind"
	DaysAhead             Code = "days_ahead"
	DaysBehind            Code = "days_behind"
	NoCredential          Code = "no_credential"
	RefusedAndNoNew       Code = "refused_and_no_new_credential"
	NoOtherCredential     Code = "no_other_credential"
	NoAgency              Code = "no_agency"
	ProbablyNoAgency      Code = "probably_no_agency"
	NoMetadataURL         Code = "no_metadata_url"
	MetadataNotReached    Code = "metadata_not_reached"
	NoSession             Code = "no_session"
	NoAgencyCredential    Code = "no_agency_credential"
	NotACredential        Code = "not_a_credential"
	IssuerStatus          Code = "issuer_status"
	IssuerAnswer          Code = "issuer_answer"
	NoPodIdentityURL      Code = "no_pod_identity_url"
	NoPodToken            Code = "no_pod_token"
	NoTokenPath           Code = "no_token_path"
	NoTokenFile           Code = "no_token_file"
	TokenFileForbidden    Code = "token_file_forbidden"
	TokenFileUnreadable   Code = "token_file_unreadable"
	TokenFileEmpty        Code = "token_file_empty"
	PodIdentityNotReached Code = "pod_identity_not_reached"
	PodIdentityRefused    Code = "pod_identity_refused"
	PodIdentityFailed     Code = "pod_identity_failed"

	// The exchange of an identity token.
	ProviderCredential Code = "provider_credential"
	NoIAMURL           Code = "no_iam_url"
	NoIDToken          Code = "no_id_token"
	IAMNotReached      Code = "iam_not_reached"
	UnknownProvider    Code = "unknown_provider"
	IDTokenRefused     Code = "id_token_refused"
	NoKeysForToken     Code = "no_keys_for_token"
	IAMFailed          Code = "iam_failed"
	OtherIAM           Code = "other_iam"

	// The links of the default chain.
	NoLink         Code = "no_link"
	LinkNotAsked   Code = "link_not_asked"
	LinkWaits      Code = "link_waits"
	NoPodVariables Code = "no_pod_variables"
	NothingSet     Code = "nothing_set"
	HalfSet        Code = "half_set"
	BothSet        Code = "both_set"
	HalfLeftOut    Code = "half_left_out"
	NoHome         Code = "no_home"
	NotAProfile    Code = "not_a_profile"
	NoBasicSection Code = "no_basic_section"

	// A credential that stands outside of the configuration, and where.
	KeyOf          Code = "access_key_of"
	TemporaryKeyOf Code = "temporary_access_key_of"
	TheEnvironment Code = "the_environment"
	TheProfile     Code = "the_profile"
)

// words are what a code says, and what to do about it. See parsed.fill.
type words struct{ says, do string }

// Parts that several have in common.
const (
	noDNS    = "this machine's DNS does not answer; check /etc/resolv.conf and the name server"
	reach    = "check {setting}, and that this machine may reach it"
	theirs   = "it is for those who run that server to renew it"
	ourClock = "check this machine's clock first; else " + theirs
	// opened is why a certificate or a handshake is not what it should be.
	opened  = "{setting} may be wrong, or a proxy on the way opens TLS"
	offered = "it was offered TLS 1.2 and 1.3 in a first message of about 1.5 kB"
	// smaller is the way round what can't take a message of that size. The key
	// shares that are safe against quantum computers are what makes it so large.
	smaller     = "if other programs of this machine reach it, set GODEBUG=tlsmlkem=0 in the environment of sslwatch: it makes that message smaller, which some old load balancers and firewalls need"
	around      = "put the host into NO_PROXY if this machine may reach it without"
	bind        = "bind an agency that may call dcs:ssl:get to the ECS in its console, or give keys instead"
	associate   = "associate the pod's service account with an agency in CCE, and start the pod anew"
	keepClock   = "keep it so with NTP"
	lookBetween = "look for a proxy, a login portal or a load balancer between this machine and the API, and check endpoint"
	notItsWay   = "which is not the API's way"
	lists       = "it is read anew; if it stays so, ask the cloud's support"
)

// english has the words of every code.
var english = map[Code]words{
	Words: {says: "{text}"},

	TheAPI:             {says: "the API at {host}"},
	TheProxy:           {says: "the proxy {host}"},
	ProxyOfMachine:     {says: "the proxy of this machine (HTTPS_PROXY or HTTP_PROXY)"},
	DeadManService:     {says: "the dead-man service at {host}"},
	TheAlertmanager:    {says: "the Alertmanager at {host}"},
	MetadataService:    {says: "the ECS metadata service at {host}"},
	PodIdentityService: {says: "the pod identity service at {host}"},
	IAM:                {says: "IAM at {host}"},
	TheEndpoint:        {says: "the endpoint {address}"},

	Within: {says: "within {time}"},
	InTime: {says: "in time"},

	NotWaitedFor:      {"{peer} was not waited for", "sslwatch was stopping"},
	NoSuchHost:        {"there is no host {name} to be found for {peer}", "check {setting}, and this machine's DNS"},
	LookupFailed:      {"the name {name} could not be looked up", noDNS},
	LookupTimeout:     {"the name of {peer} could not be looked up in time", noDNS},
	HandshakeTimeout:  {"{peer} took the connection, but did not answer in the TLS handshake; " + offered, "it is overloaded, or does not speak TLS at that port; " + smaller},
	ProxyTimeout:      {"{peer} took the connection, but did not connect it further in time", "ask those who run it, or " + around},
	ConnectTimeout:    {"no connection to {peer} came about in time", "a firewall or a missing route swallows it; " + reach},
	BodyTimeout:       {"{peer} began its answer, but did not end it {within}", "it is overloaded, or something on the way swallows the rest"},
	AnswerTimeout:     {"{peer} did not answer {within}", "it is overloaded, or something on the way swallows the answer"},
	ConnectionRefused: {"{peer} refused the connection", "nothing listens there; " + reach},
	NoRoute:           {"there is no route to {peer}", "check this machine's network"},
	SurplusBytes:      {"{peer} sent bytes that nobody asked for", "look for a proxy or load balancer on the way that mixes up answers; check {setting}"},
	HandshakeCut:      {"{peer} cut the connection in the TLS handshake; " + offered, "a firewall on the way may forbid the host, or it does not speak TLS at that port; " + smaller},
	ProxyCut:          {"{peer} cut the connection when it was asked to connect further", "ask those who run it whether it allows that host and port"},
	AnswerCut:         {"{peer} cut the connection before its answer was complete", "look for a proxy or firewall on the way if it stays so"},
	TLSForHTTP:        {"{peer} speaks TLS where plain HTTP was expected", "write https:// for http://; check {setting}"},
	NotHTTP:           {"{peer} does not answer in HTTP", "check {setting}, the port above all"},
	ExchangeFailed:    {"the exchange with {peer} failed ({detail})", reach},

	ProxyVariable: {"the environment variable {variable} can't be read as the URL of a proxy: {why}",
		"write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, and in the user name and password %25 for %, %23 for #, %2F for /, %3F for ?, %40 for @, %3A for :"},
	ProxyRefused:          {"the proxy {proxy} refused the way to {host}: {status}", "ask those who run the proxy to let this machine through to that host and port, or " + around},
	ProxyWrongLogin:       {"the proxy {proxy} refused the way to {host}: {status}, the user name or password is wrong", "check those in HTTPS_PROXY, or have the proxy let this machine through"},
	ProxyWantsLogin:       {"the proxy {proxy} refused the way to {host}: {status}, it wants a user name and password", "put them into HTTPS_PROXY, or have the proxy let this machine through"},
	ProxyCouldNotReach:    {"the proxy {proxy} refused the way to {host}: {status}, it could not reach that host itself", "ask those who run the proxy, or " + around},
	ProxyWantsLoginAnswer: {"the proxy on the way to the API wants a user name and password {said}", "put them into HTTPS_PROXY, or let this machine through"},

	NoSubjectAltNames: {"{peer} shows a certificate without subject alternative names, [only with the common name {name}, ]which no client accepts any more",
		"it is for those who run that server to have it issued anew, with its host name as a subject alternative name"},
	AnotherHost:        {"{peer} shows a certificate for another host[ ({names})]", opened},
	SelfSigned:         {"{peer} shows a certificate that it signed itself[ ({issuer})]", "{trust}"},
	UnknownAuthority:   {"{peer} shows a certificate of an unknown authority[ ({issuer})]", "{trust}"},
	NotYetValid:        {"{peer} shows a certificate that is not valid before {time}", ourClock},
	CertificateExpired: {"{peer} shows a certificate that expired on {time}", ourClock},
	NotForServers:      {"{peer} shows a certificate that is not made for servers", theirs},
	WeakSignature:      {"{peer} shows a certificate with a signature that is too weak ({algorithm})", theirs},
	NotTrusted:         {"{peer} shows a certificate that can't be trusted ({detail})", opened},
	HTTPForTLS:         {"{peer} speaks plain HTTP where TLS was expected", "check the port and https:// in {setting}"},
	NoTLS:              {"{peer} does not speak TLS there", "check the port and the kind of TLS in {setting}"},
	OldTLS:             {"{peer} offers only versions of TLS that are too old", "TLS 1.2 is the oldest that is spoken here; it is for those who run that server to switch a newer one on"},
	HandshakeRefused: {"{peer} refused the TLS handshake ({detail}); it was offered TLS 1.2 and 1.3 with key exchange by ECDHE and strong ciphers",
		"either it knows RSA key exchange or older ciphers only and has to be updated, and until then GODEBUG=tlsrsakex=1,tls3des=1 in the environment of sslwatch allows them; or it wants a client certificate, which sslwatch has not got"},
	UnknownName:       {"{peer} does not know the host name that it was asked for", "check {setting}"},
	ClientCertificate: {"{peer} wants a client certificate, which sslwatch has not got ({detail})", "ask those who run that server for a way without"},
	HelloNotRead:      {"{peer} could not read the first message of the TLS handshake ({detail}); " + offered, smaller},
	HandshakeEnded:    {"{peer} ended the TLS handshake ({detail})", "TLS 1.2 or newer is needed; " + opened},
	HandshakeFailed:   {"the TLS handshake with {peer} failed ({detail})", "TLS 1.2 or newer is needed; " + opened},
	AddToCAFile:       {says: "put its authority's certificate into a file and name that in {setting}"},
	AddToSystem:       {says: "if a proxy opens TLS on the way, add its CA to this machine's or name it in SSL_CERT_FILE; in a container check that there are CA certificates at all"},

	ProbePlainText:       {"a Redis without TLS answers at {address}", "clients that insist on TLS can't connect, and all others speak in clear text; look in the console whether SSL is on, and whether the port is the right one"},
	ProbeExpired:         {"the certificate expired on {time}", "clients that verify it can't connect any more; open a service ticket for the instance"},
	ProbeNotYetValid:     {"the certificate is not valid before {time}", "check this machine's clock first; else clients that verify it can't connect until then"},
	ProbeExpiring:        {"the certificate expires on {time}, in {left}", "then clients that verify it can't connect any more; open a service ticket for the instance"},
	ProbeOtherName:       {"the certificate is for {names}, and not for {name}", "clients that verify the name can't connect by this one; let them use a name that is in it, or ask with --server-name"},
	ProbeUntrusted:       {"the certificate is of an authority that this machine does not know ({issuer})", "give the ca.crt that the console offers with --ca-file: clients need it, too"},
	ProbeUntrustedByFile: {"the certificate is of another authority than those of the CA file ({issuer})", "clients that trust this file can't connect; download ca.crt in the console anew, and compare"},
	ProbeCAEndsFirst:     {"the authority in the CA file ends on {ca}, before the certificate does ({leaf})", "from then on clients that trust this file can't connect; bring them a new ca.crt before"},
	EndpointOtherDate:    {says: "the certificate that it serves ends on {served}, and the API says {told}"},
	EndpointUnnamed:      {says: "the API names no address of the instance"},
	ProbeOldTLS:          {"only {version} is spoken", "many clients take TLS 1.2 and newer only"},

	SaidBoth:   {says: "({code_said}: {message})"},
	SaidOne:    {says: "(HTTP {status}, {message})"},
	SaidStatus: {says: "(HTTP {status})"},

	EmptyBody:    {says: "an empty body"},
	Page:         {says: "an HTML page titled “{title}”"},
	UntitledPage: {says: "an HTML page without a title"},
	SaysFault:    {says: "saying {detail}"},
	OtherJSON:    {says: "JSON of another form (“{body}”)"},
	BrokenJSON:   {says: "JSON that is broken or cut off (“{body}”)"},
	NotJSON:      {says: "text that is not JSON (“{body}”)"},

	With:               {says: "with {body}"},
	TooLarge:           {says: "with more than 1 MiB"},
	EmptyObjectAsPage:  {says: "with an empty object as an HTML page"},
	OtherInstance:      {says: "about another instance (“{instance}”)"},
	EnabledNotBoolean:  {says: "with a field enabled that is neither true nor false"},
	OffWithError:       {says: "that SSL is off, but with a field “{field}” as in an error"},
	NoValidated:        {says: "that SSL is on, but without ssl_validated"},
	ValidatedNoBoolean: {says: "that SSL is on, but with an ssl_validated that is neither true nor false"},
	NoExpiry:           {says: "that SSL is on, but without ssl_expired_at"},
	ExpiryNotText:      {says: "that SSL is on, but with an ssl_expired_at that is not a string"},
	ExpiryNoDate:       {says: "that SSL is on, but with an ssl_expired_at that is not a believable date (“{date}”)"},
	ForeignField:       {says: "without a field enabled, but with one that the API does not have (“{field}”)"},
	FieldWithoutOn:     {says: "without a field enabled, but with {field}"},
	FieldNotText:       {says: "without a field enabled, and with a field {field} that is not text"},
	LookBetween:        {says: lookBetween},
	LookForNew:         {says: "if it stays so, the API has changed, look for a newer sslwatch"},

	ListUnbelievable:  {"{host} answered 200 {problem} where the list of instances was asked for", "which instances there are is unknown; " + lookBetween},
	ListWithoutNumber: {says: "without an instance_num that is a number"},
	ListWithoutID:     {says: "with an instance that has no valid instance_id"},
	ListRepeats:       {"{host} has the instance {instance} in its list twice", lists},
	ListChanged:       {"the list of instances at {host} changed while it was read, from {before} instances to {after}", lists},
	ListTooLong:       {"{host} lists {n} instances and says that there are {total}", lists},
	ListTooShort:      {"{host} lists {n} instances, says that there are {total}, and has no more", lists},
	ListEndless:       {"the list of instances at {host} has no end: {n} pages were read", lists},
	MayNotList:        {"the credential was accepted, but may not list the instances of this project {said}", "grant dcs:instance:list to its user or agency, or set discover = false and list the instances in the configuration"},

	Unbelievable:      {"{host} answered 200 {problem}", "the state of SSL is unknown; {advice}"},
	Unsupported:       {"this instance can't have SSL {said}", "only single-node, master/standby and cluster instances of Redis 6.0 and 7.0 can; stop watching it"},
	Missing:           {"there is no such instance in this project {said}", "it was deleted, or its ID, project_id or region is wrong"},
	NotServed:         {"the API does not serve this project or account {said}", "check in the console whether it is frozen, in arrears or restricted, and whether project_id belongs to this region"},
	AddressRefused:    {"the API refuses this machine's address or this region {said}", "check the access rules of the account"},
	MayNotRead:        {"the credential was accepted, but may not read the SSL of this instance {said}", "grant dcs:ssl:get to its user or agency, for this project and the instance's enterprise project"},
	Throttled:         {"the API is asked too often {said}", "if it stays so, lower check.rate or look for what else uses the account"},
	UnknownAddress:    {"the API does not know this address {said}", "check that endpoint and region are those of DCS where the instance is"},
	UnreadableProject: {"the API can't read the project ID {said}", "copy project_id from My Credentials in the console, for this region"},
	Busy:              {"the instance is busy with something else, so the API does not tell its SSL {said}", "this ends by itself, look in the console if it does not"},
	APIFailed:         {"the API failed with HTTP {status} {said}", "this is the cloud's to mend, look at its status page if it stays so"},
	OtherAnswer:       {"the API answered HTTP {status} and not what was asked for {said}", "if it stays so, ask the cloud's support"},
	NotTheAPI404:      {"{host} answered 404 with {body}", "check that endpoint and region are those of DCS where the instance is"},
	NotTheAPI403:      {"{host} answered 403 with {body}, " + notItsWay, "a proxy or firewall on the way refuses, ask its people to let this machine reach {host}"},
	NotTheAPI5xx:      {"{host} answered {status} with {body}, " + notItsWay, "the gateway before the API or a proxy on the way failed"},
	NotTheAPI:         {"{host} answered {status} with {body}, " + notItsWay, lookBetween},
	RedirectNowhere:   {"{host} answered {status}, a redirect to no readable place", lookBetween},
	RedirectToHTTPS:   {"{host} answered {status}, a redirect to https, which is not followed", "write endpoint with https://"},
	RedirectElsewhere: {"{host} answered {status}, a redirect to {to}, which is not followed", lookBetween},
	RequestNotMade:    {"the request can't be made", "check endpoint"},
	BadInstanceID:     {"the instance ID {id} can't be one, so the API was not asked", "an ID has letters, digits and - only, copy it from the console"},
	SlowAnswers:       {says: "its answers take {time}"},

	AccessKey:        {"the access key", "check access_key and secret_key, and that the key is active and belongs to the cloud site of the endpoint"},
	TemporaryKey:     {"the temporary access key", "temporary keys end after at most 24 hours, set a new access_key, secret_key and security_token, or let an agency issue them"},
	Token:            {"the token", "a token ends after 24 hours, and before when its user changes, set a new auth_token, or use an access key"},
	AgencyCredential: {"the credential of the ECS agency", "check that the agency still exists and that project_id and region are right"},
	PodCredential:    {"the credential of the pod identity", "check that the agency of the pod's service account still exists and that project_id and region are right"},
	ExpiredWhenIssued: {"{credential}, which had expired when it was issued,",
		"its issuer gives nothing newer and is asked again, ever more rarely; check this machine's clock, and that the agency still exists"},
	CredentialRefused:   {"the API refused {credential} {said}", "{credential.do}"},
	CredentialUnknown:   {"the API does not know {credential} {said}", "it was deleted or mistyped, or belongs to another site of the cloud than the endpoint; {credential.do}"},
	CredentialLocked:    {"the API has locked {credential} for five minutes after several refusals {said}", "{credential.do}, here and wherever else the key is used"},
	CredentialElsewhere: {"the API refused {credential} {said}", "it is not for this project, check project_id and region"},
	CredentialRenew:     {"the API refused {credential} {said}", "it has to be renewed, or belongs to another region than the endpoint, check region and project_id; {credential.do}"},
	CredentialRefusedHow: {"{host} answered 401 with {body}, so {credential} was refused or something on the way asks for a login",
		"{credential.do}; also " + lookBetween},
	ClockOff:         {"the API refused {credential} because this machine's clock is {off}", "set the clock, and " + keepClock + "; the credential itself may be right"},
	ClockProbablyOff: {"the API refused {credential} because the signature has expired by its clock", "this machine's clock is probably off by more than 15 minutes, set it, and " + keepClock},
	MinutesAhead:     {says: "about {n} minutes ahead"},
	MinutesBehind:    {says: "about {n} minutes behind"},
	HoursAhead:       {says: "about {n} hours ahead"},
	HoursBehind:      {says: "about {n} hours behind"},
	DaysAhead:        {says: "about {n} days ahead"},
	DaysBehind:       {says: "about {n} days behind"},

	NoCredential:       {says: "no credential could be had: {detail}"},
	RefusedAndNoNew:    {"{refusal}[: {refusal.do}]; a new credential could not be had", "{why}[: {why.do}]"},
	NoOtherCredential:  {"the API refused the credential of the {issuer}, and its issuer has given no other yet", "it is asked again, ever more rarely"},
	NoAgency:           {"no agency is bound to this ECS", bind},
	ProbablyNoAgency:   {"{service} has no credential to give, so probably no agency is bound to this ECS", bind},
	NoMetadataURL:      {says: "the address of the ECS metadata service is not a URL"},
	MetadataNotReached: {"{fault}", `auth = "ecs-agency" works on an ECS of Huawei Cloud only, and in a container there only with the host's network`},
	NoSession:          {says: "{service} did not give a session ({answer})"},
	NoAgencyCredential: {says: "{service} did not give the agency's credential ({answer})"},
	NotACredential:     {says: "{service} gave something that is not a credential, or not a whole one"},
	IssuerStatus:       {says: "HTTP {status}"},
	IssuerAnswer:       {says: "HTTP {status}, {body}"},

	NoPodIdentityURL:      {"pod identity has no usable address (HC_CONTAINER_CREDENTIALS_FULL_URI)", associate},
	NoPodToken:            {"the pod's identity token can't be read: {why}", associate},
	NoTokenPath:           {says: "there is no path to it (HC_CONTAINER_AUTHORIZATION_TOKEN_FILE)"},
	NoTokenFile:           {says: "there is no file {path}"},
	TokenFileForbidden:    {says: "{path} may not be read by this user"},
	TokenFileUnreadable:   {says: "{path} can't be read: {detail}"},
	TokenFileEmpty:        {says: "{path} is empty"},
	PodIdentityNotReached: {"{fault}", `auth = "pod-identity" works in a pod of CCE only; check that the pod identity add-on of the cluster runs`},
	PodIdentityRefused:    {"{service} gave no credential ({answer})", associate},
	PodIdentityFailed:     {says: "{service} gave no credential ({answer})"},

	ProviderCredential: {"the credential of the identity provider {provider}[ in {source}]",
		"check that the identity provider in IAM still exists and gives dcs:ssl:get, and that project_id and region are right"},
	NoIAMURL:      {"the address of IAM is not a URL", "check iam_endpoint"},
	NoIDToken:     {"the identity token can't be read: {why}", "check id_token_file, and that Kubernetes projects a token of the pod's service account there"},
	IAMNotReached: {"{fault}", "{fault.do}"},
	UnknownProvider: {"{service} knows no identity provider {provider} ({answer})",
		"correct idp_id, or create the provider; if it is there, iam_endpoint is that of another site of the cloud"},
	IDTokenRefused: {"{service} did not take the identity token in {path} ({answer})",
		"check that the token has not expired, and that the identity provider {provider} trusts its issuer, its signing keys and its audience"},
	NoKeysForToken: {"{service} took the identity token and gave no keys for it ({answer})",
		"check that a conversion rule of the identity provider {provider} fits the pod's service account"},
	OtherIAM: {"{service}, which is the IAM of {region}, did not take the identity token ({answer})",
		"each site of the cloud has an IAM of its own, and the one that knows the identity provider {provider} is probably another: set iam_endpoint to that of the region where the account is"},
	IAMFailed: {says: "{service} gave no credential ({answer})"},

	NoLink: {`auth = "default" finds no credential; environment: {environment}; profile: {profile}; ECS agency: {agency}; pod identity: {pod}`,
		"mend the link that is meant, or name it in auth"},
	LinkNotAsked:   {says: "it was not asked"},
	LinkWaits:      {says: "nobody is asked while the metadata service fails, which may have a credential later"},
	NoPodVariables: {"HC_CONTAINER_CREDENTIALS_FULL_URI and HC_CONTAINER_AUTHORIZATION_TOKEN_FILE are not set, so this is no pod with an identity", associate},
	NothingSet:     {says: "neither {key} and {secret} nor {provider} and {token} are set[ in {path}]"},
	HalfSet:        {says: "{set} is set[ in {path}], but {missing} is not"},
	BothSet:        {says: "{provider} and {token} go before {key} and {secret}, which are set, too"},
	HalfLeftOut:    {says: "{set} is left out, because {missing} is not set"},
	NoHome:         {says: "neither HUAWEICLOUD_SDK_CREDENTIALS_FILE nor HOME is set, so there is no place to look for it"},
	NotAProfile:    {says: "line {line} of {path} is neither the name of a section in brackets nor KEY = VALUE"},
	NoBasicSection: {says: "there is no section basic in {path}"},

	KeyOf: {"the access key of {source}", "check {source.do}, and that the key is active and belongs to the cloud site of the endpoint"},
	TemporaryKeyOf: {"the temporary access key of {source}",
		"temporary keys end after at most 24 hours, put new ones and their security token into {source}, or let an agency issue them; check {source.do}"},
	TheEnvironment: {"the environment", "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK in the environment of sslwatch, whose change takes a restart"},
	TheProfile:     {"the profile {path}", "ak and sk in {path}, whose change takes a reload"},
}
