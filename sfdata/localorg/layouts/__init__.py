"""What people see of an object: page layouts, compact layouts, tabs and their theme, all of it derived from the schema.

Nobody arranges pages in this org, so each object has the one layout that Setup would make for it.
"""
