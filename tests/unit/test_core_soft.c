/* tests/unit/test_core_soft.c - x */
int main(void)
{
    return 0;
}
