/**
 * What is withheld in the system catalogues whatever the policy says: columns that carry data, statistics of
 * data or secrets, and relations that are nothing else. Everything else in pg_catalog and information_schema
 * is harmless: it describes objects.
 */
export const deniedSystemRelations: ReadonlySet<string> = new Set([
  'pg_config', 'pg_file_settings', 'pg_hba_file_rules', 'pg_ident_file_mappings', 'pg_largeobject', 'pg_statistic',
  'pg_statistic_ext_data', 'pg_shmem_allocations', 'pg_shmem_allocations_numa', 'pg_backend_memory_contexts',
]);

const statistics = [
  'null_frac', 'avg_width', 'n_distinct', 'most_common_vals', 'most_common_freqs', 'histogram_bounds', 'correlation',
  'most_common_elems', 'most_common_elem_freqs', 'elem_count_histogram', 'range_length_histogram',
  'range_empty_frac', 'range_bounds_histogram',
];

/** Column names that read as NULL, by relation name; the relations are pg_catalog's and information_schema's. */
export const maskedSystemColumns: ReadonlyMap<string, readonly string[]> = new Map([
  ['pg_stats', statistics],
  ['pg_stats_ext', ['n_distinct', 'dependencies', 'most_common_vals', 'most_common_val_nulls', 'most_common_freqs', 'most_common_base_freqs']],
  ['pg_stats_ext_exprs', statistics],
  ['pg_stat_activity', ['query', 'query_id']],
  ['pg_attribute', ['attmissingval']],
  ['pg_authid', ['rolpassword']],
  ['pg_shadow', ['passwd']],
  ['pg_user_mapping', ['umoptions']],
  ['pg_user_mappings', ['umoptions']],
  ['pg_foreign_server', ['srvoptions']],
  ['pg_foreign_data_wrapper', ['fdwoptions']],
  ['foreign_server_options', ['option_value']],
  ['user_mapping_options', ['option_value']],
  ['_pg_foreign_servers', ['srvoptions']],
  ['_pg_user_mappings', ['umoptions']],
  ['pg_subscription', ['subconninfo']],
  ['pg_stat_wal_receiver', ['conninfo']],
  ['pg_proc', ['prosrc', 'prosqlbody', 'probin']],
  ['routines', ['routine_definition']],
]);

/** Views of pg_stat_statements and its kind, wherever the extension was put. */
export const maskedExtensionColumns: ReadonlyMap<string, readonly string[]> = new Map([['pg_stat_statements', ['query']]]);
