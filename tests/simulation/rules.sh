#!/bin/bash
# Every rule that host/nt knows has a case in tests/simulation/rules*.c that breaks it; those excused, with the reason:
#   Clock   no thread can be made for DPCs: only the machine can break it
set -u
cd "$(dirname "$0")/../.." || exit 1
known=$(grep -ohE 'NtRule(Broken)?\("[A-Za-z_]+' host/nt/*.c host/nt/*/*.c | grep -oE '[A-Za-z_]+$' | sort -u)
broken=$(grep -ohE '^ *\{?.*\{"[A-Za-z_]+' tests/simulation/rules*.c | grep -oE '[A-Za-z_]+$' | sort -u)
missing=$(comm -23 <(echo "$known") <(printf '%s\n' "$broken" Clock | sort -u))
if [ -n "$missing" ]; then
    echo "rules: nobody has seen these fire:" $missing
    exit 1
fi
echo "rules: $(echo "$known" | wc -l) of host/nt known, each with a case (1 excused)"
