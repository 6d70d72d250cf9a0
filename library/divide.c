/* SPDX-License-Identifier: MIT */
/*
 * 64-bit division for 32-bit machines, by the names under which the compiler calls it; there is no runtime library that
 * has it. The tool links it too. Digit by digit: nothing here divides often.
 */
#ifdef __i386__

unsigned long long __udivdi3(unsigned long long Dividend, unsigned long long Divisor);
unsigned long long __umoddi3(unsigned long long Dividend, unsigned long long Divisor);
long long __divdi3(long long Dividend, long long Divisor);

static unsigned long long Divide(unsigned long long Dividend, unsigned long long Divisor, unsigned long long *Rest)
{
    unsigned long long Quotient = 0, Left = 0;
    for (int Bit = 63; Bit >= 0; --Bit)
    {
        int Carry = Left >> 63 & 1;
        Left = Left << 1 | (Dividend >> Bit & 1);
        if (Carry || Left >= Divisor)
        {
            Left -= Divisor;
            Quotient |= 1ull << Bit;
        }
    }
    *Rest = Left;
    return Quotient;
}

unsigned long long __udivdi3(unsigned long long Dividend, unsigned long long Divisor)
{
    unsigned long long Rest;
    return Divide(Dividend, Divisor, &Rest);
}

unsigned long long __umoddi3(unsigned long long Dividend, unsigned long long Divisor)
{
    unsigned long long Rest;
    Divide(Dividend, Divisor, &Rest);
    return Rest;
}

long long __divdi3(long long Dividend, long long Divisor)
{
    unsigned long long Rest,
        Quotient = Divide(Dividend < 0 ? 0ull - Dividend : Dividend, Divisor < 0 ? 0ull - Divisor : Divisor, &Rest);
    return (Dividend < 0) != (Divisor < 0) ? 0ull - Quotient : Quotient;
}

#else
typedef int NothingToDivide; /* a translation unit must have something in it */
#endif
