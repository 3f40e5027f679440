/** Settings that change how answers look or how long things may take, not what is allowed or what a name means. */
const harmless: ReadonlySet<string> = new Set(
  `
  application_name bytea_output datestyle timezone intervalstyle extra_float_digits client_min_messages lc_messages lc_monetary
  lc_numeric lc_time statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout transaction_timeout
  work_mem xmlbinary xmloption xmlformat default_transaction_isolation default_transaction_read_only default_transaction_deferrable
  transaction_isolation transaction_read_only transaction_deferrable search_path timezone_abbreviations default_text_search_config
  gin_fuzzy_search_limit check_function_bodies synchronous_commit tcp_keepalives_idle tcp_keepalives_interval
  tcp_keepalives_count tcp_user_timeout plan_cache_mode row_security quote_all_identifiers icu_validation_level
  restrict_nonsystem_relation_kind array_nulls transform_null_equals default_toast_compression client_connection_check_interval
  jit
  `.trim().split(/\s+/),
);

/** Pinned by the gateway for as long as a session lives: changing one would change what its own analysis read. */
const pinned: ReadonlySet<string> = new Set([
  'role', 'session_authorization', 'is_superuser', 'client_encoding', 'names', 'standard_conforming_strings', 'backslash_quote', 'escape_string_warning',
  'session_replication_role', 'allow_system_table_mods', 'local_preload_libraries', 'session_preload_libraries', 'dynamic_library_path',
  'default_tablespace', 'temp_tablespaces', 'debug_print_parse', 'debug_print_rewritten', 'debug_print_plan', 'log_statement', 'log_min_messages', 'log_min_error_statement',
]);

export type SettingClass = 'Harmless' | 'Pinned' | 'Protected' | 'Named';

/** `Named` settings need a rule that lists them; names are case-insensitive in PostgreSQL. */
export function classifySetting(name: string): SettingClass {
  const lower = name.toLowerCase();
  if (lower === 'chaperone.reason') return 'Harmless';
  if (lower.startsWith('chaperone.')) return 'Protected';
  if (pinned.has(lower)) return 'Pinned';
  return harmless.has(lower) ? 'Harmless' : 'Named';
}
