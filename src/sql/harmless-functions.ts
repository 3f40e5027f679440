/**
 * Built-in functions that an agent may call without being allowed each: they read nothing but their arguments,
 * object names and definitions, the clock and the session's own state. Left out on purpose: files, other
 * sessions, large objects, SQL text (`query_to_xml`, `ts_stat`, `ts_rewrite`), sizes and statistics of data,
 * replication, configuration, function bodies.
 */
import { immutableFunctions } from './immutable-functions.ts';

const values = `
  age array_to_json array_to_string array_shuffle array_sample concat concat_ws convert convert_from convert_to date date_add date_part
  date_subtract date_trunc enum_first enum_last enum_range extract format format_type generate_series json_agg json_agg_strict
  json_build_array json_build_object json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict
  json_populate_record json_populate_recordset json_to_record json_to_recordset json_to_tsvector jsonb_agg jsonb_agg_strict
  jsonb_build_array jsonb_build_object jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict
  jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_path_query_tz
  jsonb_populate_record jsonb_populate_record_valid jsonb_populate_recordset jsonb_to_record jsonb_to_recordset jsonb_to_tsvector length make_timestamptz
  money numeric oidvectortypes overlaps pg_collation_for pg_column_compression pg_column_size pg_input_error_info pg_input_is_valid
  pg_typeof phraseto_tsquery plainto_tsquery quote_literal quote_nullable random random_normal regclass row_to_json setseed
  string_agg time timestamp timestamptz timetz timezone to_char to_date to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector
  ts_headline ts_parse ts_debug ts_token_type websearch_to_tsquery xml xml_is_well_formed xmlagg in_range
  gen_random_uuid uuidv4 uuidv7 similar_to_escape ts_delete
`;

const clockAndSession = `
  clock_timestamp statement_timestamp transaction_timestamp timeofday now current_database current_query current_schema current_schemas
  current_user session_user user system_user getdatabaseencoding getpgusername inet_client_addr inet_client_port inet_server_addr
  inet_server_port pg_backend_pid pg_client_encoding pg_conf_load_time pg_is_in_recovery pg_listening_channels pg_my_temp_schema
  pg_is_other_temp_schema pg_postmaster_start_time pg_sleep pg_sleep_for pg_sleep_until pg_trigger_depth txid_current txid_current_if_assigned
  txid_current_snapshot txid_status pg_current_xact_id pg_current_xact_id_if_assigned pg_current_snapshot pg_xact_status version
  currval lastval get_current_ts_config pg_jit_available row_security_active pg_stat_clear_snapshot pg_blocking_pids mxid_age
`;

const definitions = `
  aclexplode col_description obj_description shobj_description format_type has_any_column_privilege has_column_privilege
  has_database_privilege has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege has_parameter_privilege
  has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege has_type_privilege
  pg_available_extension_versions pg_available_extensions pg_basetype pg_char_to_encoding pg_encoding_to_char pg_collation_actual_version
  pg_collation_is_visible pg_column_is_updatable pg_conversion_is_visible pg_database_collation_actual_version pg_describe_object
  pg_function_is_visible pg_get_acl pg_get_catalog_foreign_keys pg_get_constraintdef pg_get_expr pg_get_function_arg_default
  pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result pg_get_indexdef pg_get_keywords
  pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef pg_get_publication_tables pg_get_replica_identity_index
  pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions
  pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object pg_identify_object_as_address
  pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_opclass_is_visible pg_operator_is_visible
  pg_opfamily_is_visible pg_options_to_table pg_partition_ancestors pg_partition_root pg_partition_tree pg_relation_is_publishable
  pg_relation_is_updatable pg_sequence_last_value pg_sequence_parameters pg_settings_get_flags pg_statistics_obj_is_visible
  pg_table_is_visible pg_tablespace_location pg_timezone_abbrevs pg_timezone_names pg_ts_config_is_visible pg_ts_dict_is_visible
  pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible to_regclass to_regcollation to_regnamespace to_regoper
  to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_regtypemod _pg_expandarray
  _pg_truetypid _pg_truetypmod _pg_char_max_length _pg_char_octet_length _pg_numeric_precision _pg_numeric_precision_radix
  _pg_numeric_scale _pg_datetime_precision _pg_interval_type _pg_index_position
`;

export const harmlessFunctions: ReadonlySet<string> = new Set(
  [...immutableFunctions, ...words(values), ...words(clockAndSession), ...words(definitions)].filter((name) => !isRunningSqlText(name)),
);

/** Built-in functions with an effect that a policy may still grant by name, such as `pg_catalog.pg_advisory_lock`. */
export const grantableFunctions: ReadonlySet<string> = new Set(
  words(`
    pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock
    pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock
    pg_try_advisory_xact_lock_shared setval pg_export_snapshot pg_database_size pg_relation_size pg_table_size pg_indexes_size
    pg_total_relation_size pg_tablespace_size pg_cancel_backend pg_terminate_backend
  `),
);

/**
 * Whether a name that may be a column's may also be a built-in function that is not harmless. All of those with a
 * prefix of PostgreSQL's own count, so that functions of releases to come are among them; what is left of the
 * others in 13 to 18 is input, output and comparison of values.
 */
export function isHarmfulBuiltIn(name: string): boolean {
  if (harmlessFunctions.has(name)) return false;
  return harmfulNames.has(name) || name.includes('_to_xml') || /^(?:pg_|lo_|binary_upgrade_|brin_|gin_|fmgr_|ts_|plpgsql_)/.test(name);
}

const harmfulNames: ReadonlySet<string> = new Set(
  words('current_setting set_config nextval setval currtid currtid2 loread lowrite has_largeobject_privilege domain_in record_in amvalidate'),
);

function isRunningSqlText(name: string): boolean {
  return name === 'ts_rewrite' || name === 'ts_stat' || name.includes('_to_xml');
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
