-- The ids of the groups that a list names, as JSON; NULL = it names none.
ALTER TABLE list ADD COLUMN group_ids TEXT;
