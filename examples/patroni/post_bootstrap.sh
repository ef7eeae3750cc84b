#!/bin/sh
# examples/patroni/post_bootstrap.sh - what three-nodes.yml runs once in a new cluster: it makes the database $1. The
# connection string is the last argument.
exec psql -XqAt -v ON_ERROR_STOP=1 -d "$2" -c "CREATE DATABASE $1"
