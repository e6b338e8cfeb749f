#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/reference/errors.md: every SQLSTATE that the code gives, what it means, and what to do.

    sql_errors.py          writes the page
    the rule sql_states    refuses a state that is not described here, one that is described and gone, an old page
"""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from project import Finding  # noqa: E402

PAGE = "docs/reference/errors.md"
_SOURCE = "tools/lint/sql_errors.py"
# In the classes of the standard and of PostgreSQL.
_STATE = re.compile(r'"((?:0[1-9A-Z]|2[0-9BDF]|3[0-9BDF]|4[024]|5[3-8]|72|XX)[0-9A-Z]{3})"')
_CLASSES = {
    "01": "Warnings",
    "08": "Connections", "0A": "Not supported", "0L": "Grants", "21": "Cardinality", "22": "Values", "23": "Constraints",
    "25": "State of the transaction", "26": "Prepared statements", "28": "Who may come in", "2B": "Dependencies",
    "34": "Cursors", "3B": "Savepoints", "3D": "Databases", "3F": "Schemas", "40": "Transactions that did not commit",
    "42": "What was written", "53": "Resources", "54": "Limits", "55": "State of what is asked for",
    "57": "Stopped from outside", "58": "The system", "72": "The past", "XX": "Ours",
}

# PostgreSQL's name for it, what has happened, what to do.
STATES = {
    "08006": ("connection_failure", "The connection to the node broke.",
              "Connect again; whether the last statement took effect is not known."),
    "08P01": ("protocol_violation", "A message of the client makes no sense.",
              "Update the driver; if the connection was closed, nobody could know where the next message begins."),
    "01000": ("warning", "A warning: what was asked for was done, or did not need to be.", "See the message."),
    "01006": ("warning_privilege_not_revoked", "A warning: not all of the privileges were one's own to revoke.", "Ask the owner."),
    "01007": ("warning_privilege_not_granted", "A warning: not all of the privileges were one's own to grant.", "Ask the owner."),
    "0LP01": ("invalid_grant_operation", "The privilege is none of such an object, or a role would become a member of itself.",
              "See the message."),
    "0A000": ("feature_not_supported", "PostgreSQL knows it and Isochron does not; the message names it.",
              "[sql.md](sql.md) says what there is instead."),
    "21000": ("cardinality_violation", "A subquery used as a value gave several rows, or a statement would change a row twice.",
              "Add a condition, LIMIT 1 or an aggregate."),
    "22000": ("data_exception", "A value does not fit what is done with it.", "See the message."),
    "22001": ("string_data_right_truncation", "A text is longer than its column.", "Shorten it, or cast it explicitly."),
    "22003": ("numeric_value_out_of_range", "A number does not fit its type.", "Use a wider type, or cast before computing."),
    "22004": ("null_value_not_allowed", "An argument may not be NULL.", "Use COALESCE."),
    "22007": ("invalid_datetime_format", "A text is no date or time.", "Write it as 2024-01-31 12:00:00+00."),
    "22008": ("datetime_field_overflow", "A date or time does not exist or is out of range.",
              "See the message for the field; SET datestyle if day and month are the other way round."),
    "22009": ("invalid_time_zone_displacement_value", "An offset from UTC is out of range.", "It is below 16 hours."),
    "2200H": ("sequence_generator_limit_exceeded", "A sequence has no value left.", "Make it CYCLE, or give it a wider range."),
    "22011": ("substring_error", "A substring cannot have a negative length.", "Use greatest(..., 0)."),
    "22012": ("division_by_zero", "Something was divided by zero.", "Use NULLIF(divisor, 0)."),
    "22013": ("invalid_preceding_or_following_size", "The offset of a window's frame is negative.", "Use 0 or more."),
    "22014": ("invalid_argument_for_ntile_function", "ntile cannot make no parts.", "Use 1 or more."),
    "22015": ("interval_field_overflow", "A part of an interval is out of range.", "Use smaller parts."),
    "22016": ("invalid_argument_for_nth_value_function", "nth_value counts from one.", "Use 1 or more."),
    "22019": ("invalid_escape_character", "ESCAPE takes one character, or none.", "Write one character."),
    "22025": ("invalid_escape_sequence", "LIKE's ESCAPE is longer than one character.", "Write one character, or none."),
    "2201B": ("invalid_regular_expression", "A regular expression cannot be read, or uses what is not there.",
              "[sql.md](sql.md) says what differs from PostgreSQL's."),
    "2201E": ("invalid_argument_for_logarithm", "There is no such logarithm.", "Its argument is above zero."),
    "2201F": ("invalid_argument_for_power_function", "There is no such root or power among real numbers.",
              "See the message for the argument."),
    "2201G": ("invalid_argument_for_width_bucket_function", "width_bucket's bounds or count make no sense.",
              "See the message."),
    "2201W": ("invalid_row_count_in_limit_clause", "LIMIT is negative.", "Use 0 or more, or leave it out."),
    "2201X": ("invalid_row_count_in_result_offset_clause", "OFFSET is negative.", "Use 0 or more."),
    "22021": ("character_not_in_repertoire", "A text is not UTF-8, or has a zero byte.", "Send UTF-8 (client_encoding)."),
    "22023": ("invalid_parameter_value", "An argument or a setting's value is not among what is possible.", "See the message."),
    "2202E": ("array_subscript_error", "An array has no such bounds or dimensions.", "See the message."),
    "22P02": ("invalid_text_representation", "A text is no value of the type.", "See the message for the type."),
    "22P03": ("invalid_binary_representation", "A value in binary has the wrong length or form.", "Update the driver, or send text."),
    "22P04": ("bad_copy_file_format", "A line of COPY has too few or too many columns, or is malformed.",
              "See the message for the line; `\\.` ends the data."),
    "22P05": ("untranslatable_character", "A character cannot be had in the client's encoding.", "SET client_encoding = 'UTF8'."),
    "23502": ("not_null_violation", "A column that is NOT NULL would become NULL.", "Give it a value or a default."),
    "23503": ("foreign_key_violation", "A row refers to one that is not there, or is referred to.",
              "Insert the other first, or delete in the other order."),
    "23505": ("unique_violation", "Another row has the same key.", "ON CONFLICT, or another value; DETAIL has the key."),
    "23514": ("check_violation", "A row does not satisfy a CHECK constraint.", "The message names it."),
    "25001": ("active_sql_transaction", "The command cannot run inside a transaction.", "Run it by itself."),
    "25006": ("read_only_sql_transaction", "A write in a read-only transaction.", "BEGIN READ WRITE."),
    "25P01": ("no_active_sql_transaction", "The command needs a transaction.", "BEGIN first."),
    "25P02": ("in_failed_sql_transaction", "An earlier statement of the transaction failed.", "ROLLBACK, or ROLLBACK TO a savepoint."),
    "25P03": ("idle_in_transaction_session_timeout", "The transaction was idle for too long, and was ended.",
              "Begin again; raise idle_in_transaction_session_timeout."),
    "26000": ("invalid_sql_statement_name", "There is no prepared statement of that name.", "PREPARE it on this connection."),
    "28000": ("invalid_authorization_specification", "Who asks may not come in this way.", "See the hint."),
    "28P01": ("invalid_password", "The password is wrong, or there is no such user.",
              "CREATE ROLE ... LOGIN PASSWORD, or `isochron config pg-user` for the file of users."),
    "2BP01": ("dependent_objects_still_exist", "Others depend on what was to be dropped.", "Drop them first, or CASCADE."),
    "34000": ("invalid_cursor_name", "There is no cursor or portal of that name.", "It may have ended with its transaction."),
    "3B001": ("invalid_savepoint_specification", "There is no savepoint of that name.", "It may have been released."),
    "3D000": ("invalid_catalog_name", "There is no database of that name, or it was dropped under the session.", "See the hint."),
    "3F000": ("invalid_schema_name", "There is no schema of that name.", "CREATE SCHEMA, or SET search_path."),
    "40001": ("serialization_failure", "The transaction was wounded by an older one, and its replay saw something else.",
              "Run the whole transaction again: it took no effect."),
    "40003": ("statement_completion_unknown", "Whether the commit happened cannot be known.", "Look before running it again."),
    "42501": ("insufficient_privilege", "The role may not do that, or it belongs to the system.",
              "GRANT it; the owner of an object and superusers may."),
    "42601": ("syntax_error", "The text is no SQL.", "The position shows where."),
    "42602": ("invalid_name", "A text is no name.", "See the message."),
    "42611": ("invalid_column_definition", "USING with a new type for a generated column.",
              "Leave USING out: the column is computed anew."),
    "42701": ("duplicate_column", "A column is named twice.", "Rename one."),
    "42702": ("ambiguous_column", "Several columns have that name.", "Write the table before it."),
    "42703": ("undefined_column", "There is no such column.", "Mind case: names without quotes are lower case."),
    "42704": ("undefined_object", "There is no such type, setting, constraint or index.", "See the message."),
    "42710": ("duplicate_object", "There is one of that name.", "IF NOT EXISTS, or another name."),
    "42712": ("duplicate_alias", "Two tables of FROM have one name.", "Give one an alias."),
    "42725": ("ambiguous_function", "Several functions or operators fit.", "Cast the arguments."),
    "42803": ("grouping_error", "A column is neither grouped nor aggregated, or an aggregate stands where none may.",
              "Add it to GROUP BY, or aggregate it."),
    "42830": ("invalid_foreign_key", "A foreign key refers to columns that are no primary key and not unique.",
              "Refer to the primary key, or make the columns UNIQUE first."),
    "42804": ("datatype_mismatch", "A value has another type than its place.", "Cast it."),
    "42809": ("wrong_object_type", "The object is of another kind.", "See the message."),
    "42846": ("cannot_coerce", "There is no such cast.", "Cast over text."),
    "42883": ("undefined_function", "There is no function or operator for these types.", "Cast the arguments; [sql.md](sql.md) lists the functions."),
    "428C9": ("generated_always", "A generated column cannot be written.", "Leave it out, or OVERRIDING SYSTEM VALUE."),
    "42939": ("reserved_name", "Names that begin with pg_ are the system's.", "Take another."),
    "42P01": ("undefined_table", "There is no such table, view or sequence.", "Mind case and search_path."),
    "42P02": ("undefined_parameter", "There is no such parameter.", "Parameters are $1, $2, ..."),
    "42P03": ("duplicate_cursor", "There is a cursor of that name.", "CLOSE it."),
    "42P04": ("duplicate_database", "There is a database of that name.", "Another name, or DROP DATABASE first."),
    "42P05": ("duplicate_prepared_statement", "There is a prepared statement of that name.", "DEALLOCATE it."),
    "42P06": ("duplicate_schema", "There is a schema of that name.", "IF NOT EXISTS, or another name."),
    "42P07": ("duplicate_table", "There is a table, index, view or sequence of that name.", "IF NOT EXISTS, or another name."),
    "42P10": ("invalid_column_reference", "A column cannot be used there: no such position, or no unique constraint for ON CONFLICT.",
              "See the message."),
    "42P16": ("invalid_table_definition", "A table cannot be defined so.", "See the message."),
    "42P17": ("invalid_object_definition", "An object cannot be defined so.", "See the message."),
    "42P11": ("invalid_cursor_definition", "DECLARE asks for what does not go together.", "Leave one of the two out."),
    "42P18": ("indeterminate_datatype", "Nothing says which type a parameter or literal has.", "Cast it: $1::text."),
    "42P19": ("invalid_recursion", "A recursive WITH query names itself where it may not.",
              "Write it as: query UNION [ALL] query that names it once, in FROM, and not in the nullable side of an outer join."),
    "42P20": ("windowing_error", "A window function stands where none may, or its window makes no sense.",
              "Compute it in a subquery, and use the result outside."),
    "53100": ("disk_full", "The disk of a node that has to write is full or nearly so.", "Add space: docs/operating/overload.md."),
    "53200": ("out_of_memory", "The statement holds more than its limit.", "Narrow it; raise --statement-memory."),
    "53300": ("too_many_connections", "Too many clients, or too much to do.", "Try again after the time in the hint, or at another node."),
    "53400": ("configuration_limit_exceeded", "The node has seen more versions of enum types than it keeps.", "Start it anew."),
    "54000": ("program_limit_exceeded", "A row, transaction or text is larger than the limit in the message.", "Split it up."),
    "54001": ("statement_too_complex", "The statement is nested too deeply.", "Split it up."),
    "54011": ("too_many_columns", "More columns than 1664 in a result, or than 8192 in FROM.", "Name fewer."),
    "54023": ("too_many_arguments", "GROUPING with more than 31 arguments.", "Ask for fewer at once."),
    "55000": ("object_not_in_prerequisite_state", "Not possible as things are; the message says what is in the way.", "See the message."),
    "55006": ("object_in_use", "The object is in use, or on its way out.", "Try again in a few seconds."),
    "55P02": ("cant_change_runtime_param", "The setting cannot be changed.", "It is fixed, or set when the node starts."),
    "55P03": ("lock_not_available", "Somebody else has the lock.", "Try again; lock_timeout, NOWAIT."),
    "57014": ("query_canceled", "The statement was cancelled, or its time was up.", "Raise statement_timeout."),
    "57P01": ("admin_shutdown", "The node stops, or the session was ended.", "Connect to another node."),
    "57P05": ("idle_session_timeout", "The client sent nothing for its idle_session_timeout.", "Connect again; SET idle_session_timeout."),
    "57P03": ("cannot_connect_now", "No leader answers, or the clock has no bound.", "Try again; `SHOW groups`, `SHOW clocks`."),
    "72000": ("snapshot_too_old", "The read timestamp is older than the versions that are kept.", "Read later, or raise the retention."),
    "XX000": ("internal_error", "A fault of Isochron.", "Report it with the statement and the nodes' logs."),
    "XX001": ("data_corrupted", "Stored data cannot be read.", "docs/operating/failures.md; the replica is replaced from others."),
}


def page(states):
    """The page over these states."""
    out = ["# Errors", "",
           "Generated by `tools/lint/sql_errors.py`: every SQLSTATE that Isochron gives. PostgreSQL's clients see the state, the",
           "message, and where there is one the position, a detail and a hint; the Spanner API sees the canonical code with the same",
           "message. A state means what it means in PostgreSQL.", "",
           "To be run again as they are: 40001 (nothing took effect), 55P03, 53300 and 57P03 (after a while). Never without looking: 40003."]
    last = None
    for state in sorted(states):
        if state[:2] != last:
            last = state[:2]
            out += ["", f"## {last}: {_CLASSES[last]}", "", "| state | name | what has happened | what to do |", "|---|---|---|---|"]
        name, meaning, advice = STATES[state]
        out.append(f"| {state} | {name} | {meaning} | {advice} |")
    return "\n".join(out) + "\n"


def given(files):
    """state -> where the code first names it."""
    out = {}
    for file in files:
        code = file.path.endswith((".h", ".cc")) and not file.path.endswith("_test.cc") and "/testing/" not in file.path
        if not code or not file.path.startswith(("sql/", "server/pgwire/", "server/rpc/")):
            continue
        for match in _STATE.finditer(file.text):
            out.setdefault(match[1], (file.path, file.text.count("\n", 0, match.start()) + 1))
    return out


def sql_states(files, _root):
    """every SQLSTATE is described in tools/lint/sql_errors.py, and docs/reference/errors.md is of today"""
    states = given(files)
    for state, (path, line) in states.items():
        if state not in STATES:
            yield Finding(path, line, "sql_states", f"{state} is not described in {_SOURCE}")
    for state in sorted(set(STATES) - set(states)):
        yield Finding(_SOURCE, 1, "sql_states", f"{state} is described, and nothing gives it")
    for file in files:
        if file.path == PAGE and set(states) <= set(STATES) and file.text != page(states):
            yield Finding(PAGE, 1, "sql_states", f"is not of today: run {_SOURCE}")


def main():
    import project
    root = pathlib.Path(__file__).resolve().parents[2]
    (root / PAGE).write_text(page([s for s in given(project.load(root)) if s in STATES]))


if __name__ == "__main__":
    main()
