//! Directives that are accepted, as they may stand in any configuration, and have no effect here.

use super::{Contexts, Directive, Group, SOME};

const MAIN: Contexts = Contexts::MAIN;
const EVENTS: Contexts = Contexts::EVENTS;
const HTTP: Contexts = Contexts::HTTP;
const HSL: Contexts = Contexts::HSL;
const HTTP_SERVER: Contexts = HTTP.or(Contexts::SERVER);
const SERVER_LOCATION: Contexts = Contexts::SERVER.or(Contexts::LOCATION);

const ACCEPT: &str = "connections are accepted as they come";
const MEMORY: &str = "memory needs no such care here";
const PIECES: &str = "files are read and sent in pieces of a fixed size";
const TABLES: &str = "tables grow as they need";
const TLS: &str = "there is no TLS, and `listen` refuses `ssl`";

/// Each with the reason why.
pub(super) const GROUP: Group = Group {
    title: "Without effect",
    directives: &[
        Directive::idle(("accept_mutex", "on | off"), EVENTS, (1, 1), ACCEPT),
        Directive::idle(("accept_mutex_delay", "time"), EVENTS, (1, 1), ACCEPT),
        Directive::idle(("aio", "on | off | threads[=pool]"), HSL, (1, 1), PIECES),
        Directive::idle(("aio_write", "on | off"), HSL, (1, 1), PIECES),
        Directive::idle(("client_body_in_single_buffer", "on | off"), HSL, (1, 1), MEMORY),
        Directive::idle(("connection_pool_size", "size"), HTTP_SERVER, (1, 1), MEMORY),
        Directive::idle(("directio", "size | off"), HSL, (1, 1), PIECES),
        Directive::idle(("directio_alignment", "size"), HSL, (1, 1), PIECES),
        Directive::idle(("gzip_hash", "size"), HSL, (1, 1), MEMORY),
        Directive::idle(("gzip_no_buffer", "on | off"), HSL, (1, 1), MEMORY),
        Directive::idle(("gzip_window", "size"), HSL, (1, 1), MEMORY),
        Directive::idle(("debug_connection", "address | network | unix:"), EVENTS, (1, 1), "`explain` tells more").repeats(),
        Directive::idle(("keepalive_disable", "none | browser ..."), HSL, SOME, "browsers that need it are gone"),
        Directive::idle(("load_module", "file"), MAIN, (1, 1), "there are no modules to load; directives that one brings are refused by their own names").repeats(),
        Directive::idle(("lock_file", "file"), MAIN, (1, 1), "workers are threads and need no such file"),
        Directive::idle(("map_hash_bucket_size", "size"), HTTP, (1, 1), TABLES),
        Directive::idle(("map_hash_max_size", "size"), HTTP, (1, 1), TABLES),
        Directive::idle(("msie_padding", "on | off"), HSL, (1, 1), "browsers that need it are gone"),
        Directive::idle(("msie_refresh", "on | off"), HSL, (1, 1), "browsers that need it are gone"),
        Directive::idle(("multi_accept", "on | off"), EVENTS, (1, 1), ACCEPT),
        Directive::idle(("open_file_cache_events", "on | off"), HSL, (1, 1), "the cache asks the file system, whatever that can tell"),
        Directive::idle(("open_log_file_cache", "off | max=number [inactive=time] [min_uses=number] [valid=time]"), HSL, (1, 4), "all logs stay open"),
        Directive::idle(("output_buffers", "number size"), HSL, (2, 2), PIECES),
        Directive::idle(("pcre_jit", "on | off"), MAIN, (1, 1), "regular expressions are always compiled to automata"),
        Directive::idle(("postpone_gzipping", "size"), HSL, (1, 1), MEMORY),
        Directive::idle(("postpone_output", "size"), HSL, (1, 1), "a head always waits for the first part of its content"),
        Directive::idle(("read_ahead", "size"), HSL, (1, 1), PIECES),
        Directive::idle(("referer_hash_bucket_size", "size"), SERVER_LOCATION, (1, 1), TABLES),
        Directive::idle(("referer_hash_max_size", "size"), SERVER_LOCATION, (1, 1), TABLES),
        Directive::idle(("request_pool_size", "size"), HTTP_SERVER, (1, 1), MEMORY),
        Directive::idle(("resolver", "address ... [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone]"), HSL, SOME, "no names are looked up while requests are answered"),
        Directive::idle(("resolver_timeout", "time"), HSL, (1, 1), "no names are looked up while requests are answered"),
        Directive::idle(("rewrite_log", "on | off"), HSL.or(Contexts::IF_IN_SERVER).or(Contexts::IF_IN_LOCATION), (1, 1), "`explain` shows each step"),
        Directive::idle(("send_lowat", "size"), HSL, (1, 1), "the system decides when a socket takes more"),
        Directive::idle(("sendfile_max_chunk", "size"), HSL, (1, 1), PIECES),
        Directive::idle(("server_names_hash_bucket_size", "size"), HTTP, (1, 1), TABLES),
        Directive::idle(("server_names_hash_max_size", "size"), HTTP, (1, 1), TABLES),
        Directive::idle(("subrequest_output_buffer_size", "size"), HSL, (1, 1), "there are no subrequests"),
        Directive::idle(("thread_pool", "name threads=number [max_queue=number]"), MAIN, (2, 3), "`worker_processes` says how many threads there are").repeats(),
        Directive::idle(("timer_resolution", "interval"), MAIN, (1, 1), "the clock is read once for each turn of a worker anyway"),
        Directive::idle(("types_hash_bucket_size", "size"), HSL, (1, 1), TABLES),
        Directive::idle(("types_hash_max_size", "size"), HSL, (1, 1), TABLES),
        Directive::idle(("uninitialized_variable_warn", "on | off"), HSL.or(Contexts::IF_IN_SERVER).or(Contexts::IF_IN_LOCATION), (1, 1), "a variable that nobody has set is empty"),
        Directive::idle(("use", "method"), EVENTS, (1, 1), "the best method of the system is taken"),
        Directive::idle(("variables_hash_bucket_size", "size"), HTTP, (1, 1), TABLES),
        Directive::idle(("variables_hash_max_size", "size"), HTTP, (1, 1), TABLES),
        Directive::idle(("worker_aio_requests", "number"), EVENTS, (1, 1), PIECES),
        Directive::idle(("worker_cpu_affinity", "auto [mask] | mask ..."), MAIN, SOME, "the system moves threads where there is room"),
        Directive::idle(("worker_priority", "number"), MAIN, (1, 1), "start the process with the priority that it should have"),
        Directive::idle(("worker_rlimit_core", "size"), MAIN, (1, 1), "start the process with the limit that it should have"),
        Directive::idle(("ssl_buffer_size", "size"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_certificate", "file"), HTTP_SERVER, (1, 1), TLS).repeats(),
        Directive::idle(("ssl_certificate_key", "file"), HTTP_SERVER, (1, 1), TLS).repeats(),
        Directive::idle(("ssl_ciphers", "ciphers"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_client_certificate", "file"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_conf_command", "name value"), HTTP_SERVER, (2, 2), TLS).repeats(),
        Directive::idle(("ssl_crl", "file"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_dhparam", "file"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_early_data", "on | off"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_ecdh_curve", "curve"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_ocsp", "on | off | leaf"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_ocsp_cache", "off | shared:name:size"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_ocsp_responder", "url"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_password_file", "file"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_prefer_server_ciphers", "on | off"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_protocols", "protocol ..."), HTTP_SERVER, SOME, TLS),
        Directive::idle(("ssl_reject_handshake", "on | off"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_session_cache", "off | none | builtin[:size] | shared:name:size"), HTTP_SERVER, (1, 2), TLS),
        Directive::idle(("ssl_session_ticket_key", "file"), HTTP_SERVER, (1, 1), TLS).repeats(),
        Directive::idle(("ssl_session_tickets", "on | off"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_session_timeout", "time"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_stapling", "on | off"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_stapling_file", "file"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_stapling_responder", "url"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_stapling_verify", "on | off"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_trusted_certificate", "file"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_verify_client", "on | off | optional | optional_no_ca"), HTTP_SERVER, (1, 1), TLS),
        Directive::idle(("ssl_verify_depth", "number"), HTTP_SERVER, (1, 1), TLS),
    ],
};
